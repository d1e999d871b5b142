"""This module has questions to ask a real upstream over a real connection, with and without a thread of their own."""

import threading
import time
from collections.abc import Iterator

from qa_service.deltas import Delta, TextDelta
from qa_service.errors import QAError, UpstreamError
from qa_service.interfaces import Stop
from qa_service.model import Message, Prompt
from qa_service.running.stop import StopSignal
from qa_service.upstream.chat import chat_protocol
from qa_service.upstream.clients import compatible_client, openai_client
from qa_service.upstream.connection import Patience
from qa_service.upstream.models import ModelUpstream
from qa_service.upstream.protocol import VendorProtocol
from qa_service.upstream.responses import responses_protocol
from qa_service.upstream.transport import Pauses
from tests.lateness import Lateness


def prompt(text: str = "안녕?", **fields) -> Prompt:
    return Prompt(**{"model": "gpt-4.1-mini", "messages": (Message("user", text),), "question": text, **fields})


QUICK = Pauses(first=0.02, id=0.4, cancel=0.4)
"""These are pauses of a test: long enough to be stopped in, short enough to wait for."""


def responses(url: str, **settings) -> ModelUpstream:
    """Return an upstream of the Responses API over real connections. What `Patience` has may be given by its own
    name."""
    background = settings.pop("background", False)
    protocol = responses_protocol(openai_client(api_key="sk-secret", base_url=url), background=background)
    return connect({"responses": protocol}, **settings)


def chat(url: str, **settings) -> ModelUpstream:
    """Return an upstream of Chat Completions."""
    return connect({"chat": chat_protocol(compatible_client(api_key="sk-secret", base_url=url))}, **settings)


SPEAKING = {"responses": responses, "chat": chat}
"""These functions make an upstream of each protocol."""


def connect(servers: dict[str, VendorProtocol], **settings) -> ModelUpstream:
    """Return an upstream of these servers. What `Patience` has may be given by its own name."""
    patience = {name: settings.pop(name) for name in Patience.__struct_fields__ if name in settings}
    return ModelUpstream(servers, **{"patience": Patience(**{"tick": 0.01, **patience}), "pauses": QUICK, **settings})


class Asked:
    """An `Asked` is one question, read in a thread of its own until it ends."""

    def __init__(self, upstream: ModelUpstream, text: str = "안녕?") -> None:
        self.stop = StopSignal()
        self.deltas: list[Delta] = []
        self.error: QAError | None = None
        self.heard = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(upstream, text))
        self._thread.start()

    def _read(self, upstream: ModelUpstream, text: str) -> None:
        try:
            with upstream.open_answer(prompt(text), self.stop) as deltas:
                for delta in deltas:
                    self.deltas.append(delta)
                    self.heard.set()
        except QAError as error:
            self.error = error

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join(10)

    def stopped_within(self, seconds: float, reason: str = "cancelled") -> bool:
        """Say stop. Tell whether the reader came back in that time, or later by as much as the machine was late."""
        began, late = time.monotonic(), Lateness()
        self.stop.set(reason)
        self.join()
        return time.monotonic() - began < seconds + late.seconds


def asked(upstream: ModelUpstream, text: str = "안녕?", stop: Stop | None = None, **fields) -> list[Delta]:
    """Ask, and return all deltas of the answer. Raises what it ends in."""
    with upstream.open_answer(prompt(text, **fields), stop or StopSignal()) as deltas:
        return list(deltas)


def attached(upstream: ModelUpstream, response_id: str) -> list[Delta]:
    """Attach to an answer that was opened elsewhere, and return all of its deltas."""
    with upstream.attach_answer(prompt(""), response_id, StopSignal()) as deltas:
        return list(deltas)


def read_to_end(deltas: Iterator[Delta]) -> tuple[list[Delta], UpstreamError | None]:
    """Return all deltas of a stream, and the error they ended in."""
    heard: list[Delta] = []
    try:
        for delta in deltas:
            heard.append(delta)  # noqa: PERF402 - what comes before an error is kept
    except UpstreamError as error:
        return heard, error
    return heard, None


def texts(*pieces: str) -> list[TextDelta]:
    return [TextDelta(one) for one in pieces]


def text_from_frames(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def split_request(message: bytes) -> tuple[str, dict[str, str], bytes]:
    """Return the first line of a request, its headers, each of which stands there once, and its body."""
    head, _, body = message.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    names = [field.partition(": ")[0].lower() for field in fields]
    assert len(set(names)) == len(names)
    return line, {name: field.partition(": ")[2] for name, field in zip(names, fields, strict=True)}, body
