"""This module declares the events of the AG-UI protocol, as this service sends them."""

from typing import Any, Literal, TypeAlias

from msgspec import Raw, Struct

from qa_service.model import Status
from qa_service.wire.structs import ErrorContent, Outgoing, StartContent, StatusContent


class AgentEvent(Outgoing, frozen=True, kw_only=True, tag_field="type"):
    """This is the base of all events. A value that an event doesn't have is left out, and never null."""


class RunStarted(AgentEvent, frozen=True, kw_only=True, tag="RUN_STARTED"):
    """This event begins a run. `metadata` is the content of the frame `start`."""

    thread_id: str
    run_id: str
    protocol_version: str
    metadata: StartContent


class StepStarted(AgentEvent, frozen=True, kw_only=True, tag="STEP_STARTED"):
    """This event says what is being done while no text comes. `metadata` is the content of the frame `status`."""

    step_name: str
    metadata: StatusContent


class StepFinished(AgentEvent, frozen=True, kw_only=True, tag="STEP_FINISHED"):
    """This event ends the step with the same name."""

    step_name: str


class MessageStarted(AgentEvent, frozen=True, kw_only=True, tag="TEXT_MESSAGE_START"):
    """This event begins the answer's text."""

    message_id: str
    role: str


class MessagePiece(AgentEvent, frozen=True, kw_only=True, tag="TEXT_MESSAGE_CONTENT"):
    """This event is a piece of the answer's text."""

    message_id: str
    delta: str


class MessageEnded(AgentEvent, frozen=True, kw_only=True, tag="TEXT_MESSAGE_END"):
    """This event ends the answer's text."""

    message_id: str


class MessagesSnapshot(AgentEvent, frozen=True, kw_only=True, tag="MESSAGES_SNAPSHOT"):
    """This event holds the whole conversation. A client drops every message that isn't in it."""

    messages: Raw


class CustomEvent(AgentEvent, frozen=True, kw_only=True, tag="CUSTOM"):
    """This event holds the content of any frame that the protocol has no event for."""

    name: str
    value: Any


class TokenUsage(Outgoing, frozen=True, kw_only=True):
    """These are the tokens of all calls of one model. What upstream didn't count is left out."""

    model: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    reasoning_tokens: int = 0
    cached_input_tokens: int = 0


class RunOutcome(Struct, frozen=True, kw_only=True):
    """This says why a run ended that neither failed nor came to its end."""

    type: Literal["cancelled"]


class RunResult(Outgoing, frozen=True, kw_only=True):
    """This is what a run has brought: the answer under its id, and whether the answer is complete."""

    answer_id: str
    status: Status


class RunFinished(AgentEvent, frozen=True, kw_only=True, tag="RUN_FINISHED"):
    """This event ends a run that didn't fail."""

    thread_id: str
    run_id: str
    result: RunResult | None = None
    outcome: RunOutcome | None = None
    usage: tuple[TokenUsage, ...] = ()


class RunFailed(AgentEvent, frozen=True, kw_only=True, tag="RUN_ERROR"):
    """This event ends a run that failed. `message` is the sentence for the person, and `metadata` the content of the
    frame `error`."""

    message: str
    code: str
    metadata: ErrorContent
    usage: tuple[TokenUsage, ...] = ()


AGENT_EVENTS: TypeAlias = (
    RunStarted
    | StepStarted
    | StepFinished
    | MessageStarted
    | MessagePiece
    | MessageEnded
    | MessagesSnapshot
    | CustomEvent
    | RunFinished
    | RunFailed
)
"""An event of this format is one of these."""
