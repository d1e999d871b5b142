"""This module has what an AG-UI client makes of a stream: events as the protocol's package declares them, in an order
it allows."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)


def read_agent_events(stream: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream. Each must be valid, and have no member that the protocol doesn't describe."""
    blocks = stream.decode().removesuffix("\n\n").split("\n\n") if stream else []
    lines = [block for block in blocks if not block.startswith(":")]
    assert all(line.startswith("data: ") and len(line.splitlines()) == 1 for line in lines)
    events = [msgspec.json.decode(line.removeprefix("data: ")) for line in lines]
    for event in events:
        assert list(_undescribed(_EVENT.validate_python(event))) == []
    return events


def _undescribed(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or {}
        for name in type(value).model_fields:
            yield from _undescribed(getattr(value, name))
    elif isinstance(value, list):
        for each in value:
            yield from _undescribed(each)


class AgentOrder:
    """An `AgentOrder` is what a client checks of the order of events. It keeps the messages, as an app shows them."""

    def __init__(self, messages: Sequence[dict[str, Any]] = ()) -> None:
        self.messages = {message["id"]: message.get("content", "") for message in messages}
        self.steps: list[str] = []
        self._open: set[tuple[str, str]] = set()
        self._run: tuple[str, str] | None = None
        self.ended = ""

    def take(self, events: Sequence[dict[str, Any]]) -> "AgentOrder":
        for event in events:
            assert not self.ended, event
            assert self._run or event["type"] in ("RUN_STARTED", "RUN_ERROR"), event
            getattr(self, f"_{event['type'].lower()}", self._any)(event)
        return self

    def _any(self, event: dict[str, Any]) -> None:
        assert event["type"] == "CUSTOM"

    def _run_started(self, event: dict[str, Any]) -> None:
        assert self._run is None
        self._run = event["threadId"], event["runId"]

    def _step_started(self, event: dict[str, Any]) -> None:
        self._begin("step", event["stepName"])
        self.steps.append(event["stepName"])

    def _step_finished(self, event: dict[str, Any]) -> None:
        self._open.remove(("step", event["stepName"]))

    def _text_message_start(self, event: dict[str, Any]) -> None:
        self._begin("message", event["messageId"])
        self.messages.setdefault(event["messageId"], "")

    def _text_message_content(self, event: dict[str, Any]) -> None:
        assert ("message", event["messageId"]) in self._open
        assert event["delta"]
        self.messages[event["messageId"]] += event["delta"]

    def _text_message_end(self, event: dict[str, Any]) -> None:
        self._open.remove(("message", event["messageId"]))

    def _messages_snapshot(self, event: dict[str, Any]) -> None:
        self.messages = {message["id"]: message.get("content", "") for message in event["messages"]}

    def _run_finished(self, event: dict[str, Any]) -> None:
        assert (event["threadId"], event["runId"]) == self._run
        assert not self._open
        self.ended = event.get("outcome", {}).get("type", "success")

    def _run_error(self, event: dict[str, Any]) -> None:
        self.ended = "error"

    def _begin(self, kind: str, name: str) -> None:
        assert (kind, name) not in self._open
        self._open.add((kind, name))
