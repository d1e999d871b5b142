"""This module has the stream for an `EventSource`. Text comes in events without a name, which go to `onmessage`, and
everything else in events that are named after what they are.

A page that appends the `content` of whatever comes shows the text and nothing else, because no other event has a field
of that name. A client that reconnects by itself sends the id of the last event back.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import asdict

from qa_service.clock import now
from qa_service.frames import Frame, Metadata, StageNotice, Text, UnknownFrame
from qa_service.pause import with_pauses
from qa_service.wire.content import build_content, read_unknown_fields
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.structs import (
    Content,
    DoneContent,
    ErrorContent,
    ImageContent,
    MetadataContent,
    Outgoing,
    ReferenceContent,
    RestartContent,
    StartContent,
    StatusContent,
)
from qa_service.wire.typed import RETRY_MS

HEARTBEAT_SECONDS = 15
"""Clients of this format take a connection for dead that has no heartbeat for this long, even while text comes."""


class EventsText(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """This is the data of an event without a name: a piece of the answer."""

    seq: int
    content: str


class EventsStart(StartContent, frozen=True, kw_only=True):
    """This is the data of `start`."""

    stream_id: str = field(name="stream_id")
    timestamp: str


class EventsProgress(Outgoing, frozen=True, kw_only=True):
    """This is the data of `progress`: how many pages of a file have been read."""

    percentage: int
    current: int
    total: int


class EventsError(ErrorContent, frozen=True, kw_only=True):
    """This is the data of `error`. A listener tells it from an error of the connection by its data."""

    retry_after_: int | None = field(name="retry_after", default=None)


class EventsDone(DoneContent, frozen=True, kw_only=True):
    """This is the data of `done`."""

    total_tokens: int | None = field(name="total_tokens", default=None)


class EventsHeartbeat(Outgoing, frozen=True, kw_only=True):
    """This is the data of `heartbeat`. The interval is in seconds."""

    interval: int
    timestamp: str


class EventsDisconnect(Outgoing, frozen=True, kw_only=True):
    """This is the data of `operational-disconnect`: the answer goes on, and the client comes back after `backoff`
    milliseconds."""

    reason: str
    reconnect: bool
    backoff: int


class EventsEnd(Struct, frozen=True, kw_only=True):
    """This is the data of the last event, which has no name."""

    done: bool


EVENT_DATA: Mapping[str, tuple[type[Struct], ...]] = {
    "message": (EventsText, EventsEnd),
    "start": (EventsStart,),
    "status": (StatusContent,),
    "progress": (EventsProgress,),
    "image": (ImageContent,),
    "reference": (ReferenceContent,),
    "restart": (RestartContent,),
    "error": (EventsError,),
    "metadata": (MetadataContent,),
    "done": (EventsDone,),
    "heartbeat": (EventsHeartbeat,),
    "operational-disconnect": (EventsDisconnect,),
}
"""This is the data of each kind of event, by the event's name. A client gets an event without a name as `message`."""

_NAME = re.compile("[A-Za-z0-9_-]{1,64}")
_ENDED = b"data: %b\n\n" % encode_json(EventsEnd(done=True))
"""Clients that know only events without a name close their connection here."""


class EventsEncoder(FrameEncoder):
    """An `EventsEncoder` is a `FrameEncoder`. `clock` gives the time in seconds."""

    def __init__(self, context: FormatContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._id = b"id: %b-" % context.answer_id.encode()
        self._prefix = context.prefix
        self._clock = clock
        self._beat_at = clock()
        self._retry = b"retry: %d\n" % RETRY_MS
        self._tokens: int | None = None
        for frame in with_pauses(context.sent):
            self._note_tokens(frame)

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        return super().batch(first, frames) + self._heartbeat_in_time()

    def heartbeat(self) -> bytes:
        self._beat_at = self._clock()
        return _name_event("heartbeat", EventsHeartbeat(interval=HEARTBEAT_SECONDS, timestamp=now()))

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        return _name_event(
            "operational-disconnect", EventsDisconnect(reason=reason, reconnect=True, backoff=backoff_ms)
        )

    def tail(self) -> bytes:
        return _ENDED

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        retry, self._retry = self._retry, b""
        # Nearly every frame is text.
        if isinstance(frame, Text):
            text = encode_json(frame.content)
            return b'%b%d\n%bdata: {"type":"text","seq":%d,"content":%b}\n\n' % (self._id, seq, retry, seq, text)
        self._note_tokens(frame)
        event = _name_event(*self._describe(frame))
        return b"%b%d\n%b%b%b" % (self._id, seq, retry, event, _describe_progress(frame))

    def _describe(self, frame: Frame) -> tuple[str, object]:
        """Return the name of an event, and its data."""
        if isinstance(frame, UnknownFrame):
            fields = read_unknown_fields(frame.raw)
            name = frame.kind if _NAME.fullmatch(frame.kind) else "unknown"
            return name, {key: value for key, value in fields.items() if key != "content"}
        return str(frame.__struct_config__.tag), self._extend(build_content(frame, self._prefix))

    def _extend(self, content: str | Content) -> str | Content:
        """Add what clients of this format look for under names of its own."""
        match content:
            case StartContent(answer_id=answer_id, created_at=created_at):
                return EventsStart(**asdict(content), stream_id=answer_id, timestamp=created_at)
            case ErrorContent(retry_after=seconds):
                return EventsError(**asdict(content), retry_after_=seconds)
            case DoneContent():
                return EventsDone(**asdict(content), total_tokens=self._tokens)
            case _:
                return content

    def _note_tokens(self, frame: Frame) -> None:
        if isinstance(frame, Metadata):
            self._tokens = frame.usage.total

    def _heartbeat_in_time(self) -> bytes:
        return self.heartbeat() if self._clock() - self._beat_at >= HEARTBEAT_SECONDS else b""


def _describe_progress(frame: Frame) -> bytes:
    """Return an event of its own for a page that was read, where the number of pages is known."""
    if not isinstance(frame, StageNotice) or frame.stage != "reading_file" or not (frame.page and frame.pages):
        return b""
    percentage = 100 * min(frame.page, frame.pages) // frame.pages
    return _name_event("progress", EventsProgress(percentage=percentage, current=frame.page, total=frame.pages))


def _name_event(name: str, described: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode_line(described))
