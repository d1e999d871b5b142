"""This module has the stream of the AG-UI protocol, version 1.0 (https://docs.ag-ui.com), for front ends that read it.

An answer is a run. Its statuses are steps, each of which ends where the next frame comes; its text is one message; and
whatever the protocol has no event for is a `CUSTOM` event, named after the frame. A run ends with exactly one of
`RUN_FINISHED` and `RUN_ERROR`, and nothing may follow, so that an error is held back until the answer's last frame.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from msgspec import Raw, Struct
from msgspec.structs import replace

from qa_service.errors import Draining, Interrupted
from qa_service.frames import (
    Call,
    Done,
    Failure,
    Frame,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
)
from qa_service.language.phrases import build_failure
from qa_service.model import Status, Usage
from qa_service.pause import with_pauses
from qa_service.wire.agent_events import (
    AgentEvent,
    CustomEvent,
    MessageEnded,
    MessagesSnapshot,
    MessageStarted,
    RunFailed,
    RunFinished,
    RunOutcome,
    RunResult,
    RunStarted,
    StepFinished,
    StepStarted,
    TokenUsage,
)
from qa_service.wire.content import build_content, build_error, build_start, build_status, read_unknown_fields
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, escape_separators

PROTOCOL = "1.0"


class AgentRun(Struct, frozen=True):
    """An `AgentRun` is what a client has said about its run. Clients refuse a run that has other ids than they gave
    it."""

    thread_id: str
    run_id: str
    messages: bytes = b"[]"
    """This is the conversation as the client has it, as JSON. After a restart it replaces what the client shows."""


class AgentEncoder(FrameEncoder):
    """An `AgentEncoder` is a `FrameEncoder`. `run` is the run that the client has begun; without it, the thread is the
    session and the run is the answer. The id of the message is always the answer's."""

    def __init__(self, context: FormatContext, run: AgentRun | None = None) -> None:
        self._prefix = context.prefix
        self._language = context.language
        self._answer_id = context.answer_id
        self._run = run or AgentRun("", context.answer_id)
        self._is_own_run = run is None
        self._head = b'data: {"type":"TEXT_MESSAGE_CONTENT","messageId":%b,"delta":' % encode_json(context.answer_id)
        self._step = ""
        self._is_speaking = False
        self._failed: Failure | None = None
        self._usage: tuple[TokenUsage, ...] = ()
        for frame in with_pauses(context.sent):
            # A text in an open message changes nothing, and a long answer has thousands of them.
            if self._step or not self._is_speaking or not isinstance(frame, Text):
                deque(self._pieces(frame), maxlen=0)

    def heartbeat(self) -> bytes:
        return b": heartbeat\n\n"

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        """Encode an error, since no client of this protocol can come back for the rest of a run."""
        stopping = Draining("the worker that answers was stopped; the answer goes on in another", retry_after=1)
        return escape_separators(_encode_event(self._fail(build_failure(stopping, self._language))))

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        # Nearly every frame is text, and nearly every text belongs to a message that is open already.
        if isinstance(frame, Text) and self._is_speaking and not self._step:
            return self._piece(frame)
        return b"".join(self._pieces(frame))

    def _piece(self, frame: Text) -> bytes:
        # Making a `MessagePiece` of each text would take twice the time. Clients of versions before 1.0 refuse a piece
        # without text.
        return b"%b%b}\n\n" % (self._head, encode_json(frame.content)) if frame.content else b""

    def _pieces(self, frame: Frame) -> Iterator[bytes]:
        yield from map(_encode_event, self._close_step())
        if isinstance(frame, Text):
            if frame.content and not self._is_speaking:
                self._is_speaking = True
                yield _encode_event(MessageStarted(message_id=self._answer_id, role="assistant"))
            yield self._piece(frame)
        else:
            yield from map(_encode_event, self._events(frame))

    def _events(self, frame: Frame) -> Iterator[AgentEvent]:
        match frame:
            case Start():
                yield self._start(frame)
            case StageNotice(stage=stage):
                self._step = stage
                yield StepStarted(step_name=stage, metadata=build_status(frame, self._prefix))
            case Restart():
                yield from self._close_message()
                yield MessagesSnapshot(messages=Raw(self._run.messages))
            case Failure():
                self._failed = frame
            case Done(status=status):
                yield from self._close_message()
                yield self._end(status)
            case Reference() | Metadata():
                yield from self._close_message()
                yield self._tell(frame)
            case _:
                yield self._tell(frame)

    def _start(self, frame: Start) -> RunStarted:
        if self._is_own_run:
            self._run = replace(self._run, thread_id=frame.session_id)
        return RunStarted(
            thread_id=self._run.thread_id,
            run_id=self._run.run_id,
            protocol_version=PROTOCOL,
            metadata=build_start(frame),
        )

    def _close_step(self) -> Iterator[AgentEvent]:
        if self._step:
            yield StepFinished(step_name=self._step)
            self._step = ""

    def _close_message(self) -> Iterator[AgentEvent]:
        if self._is_speaking:
            self._is_speaking = False
            yield MessageEnded(message_id=self._answer_id)

    def _tell(self, frame: Frame) -> CustomEvent:
        if isinstance(frame, UnknownFrame):
            return CustomEvent(name=frame.kind or "unknown", value=read_unknown_fields(frame.raw))
        if isinstance(frame, Metadata):
            self._usage = _sum_up_usage(frame.calls)
        return CustomEvent(name=str(frame.__struct_config__.tag), value=build_content(frame, self._prefix))

    def _end(self, status: Status) -> AgentEvent:
        if status == "failed":
            return self._fail(self._failed or build_failure(Interrupted("the answer broke off"), self._language))
        stopped = status == "cancelled"
        return RunFinished(
            thread_id=self._run.thread_id,
            run_id=self._run.run_id,
            result=None if stopped else RunResult(answer_id=self._answer_id, status=status),
            outcome=RunOutcome(type="cancelled") if stopped else None,
            usage=self._usage,
        )

    def _fail(self, failed: Failure) -> RunFailed:
        return RunFailed(message=failed.user_message, code=failed.code, metadata=build_error(failed), usage=self._usage)


def _encode_event(event: AgentEvent) -> bytes:
    return b"data: %b\n\n" % encode_json(event)


def _sum_up_usage(calls: Sequence[Call]) -> tuple[TokenUsage, ...]:
    """Sum up the calls of each model. Calls whose tokens upstream never said are left out, since an estimate would be
    taken for a bill."""
    counted = [call for call in calls if not call.usage.estimated]
    models = dict.fromkeys(call.model for call in counted)
    return tuple(_sum_of(model, [call.usage for call in counted if call.model == model]) for model in models)


def _sum_of(model: str, counted: Sequence[Usage]) -> TokenUsage:
    return TokenUsage(
        model=model,
        input_tokens=sum(usage.input for usage in counted),
        output_tokens=sum(usage.output for usage in counted),
        total_tokens=sum(usage.input + usage.output for usage in counted),
        reasoning_tokens=sum(usage.reasoning for usage in counted),
        cached_input_tokens=sum(usage.cached for usage in counted),
    )
