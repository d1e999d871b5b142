"""This module has the default stream. Each frame is `data: ` and one line of JSON, which hand-written parsers read
too."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Image,
    ImageResult,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
    VideoResult,
)
from qa_service.model import Usage
from qa_service.wire.content import build_content, build_metadata, build_reference, read_unknown_fields
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.structs import (
    DoneContent,
    ErrorContent,
    HeartbeatContent,
    ImageContent,
    MetadataContent,
    ReconnectContent,
    ReferenceContent,
    RestartContent,
    StartContent,
    StatusContent,
)

RETRY_MS = 3000
"""A client that resumes by `id:` comes back after this many milliseconds."""


class TypedFrame(Struct, frozen=True, rename="camel", kw_only=True, tag_field="type"):
    """Every frame of an answer has a number, which grows and never repeats."""

    seq: int


class StartFrame(TypedFrame, frozen=True, kw_only=True, tag="start"):
    """This is the first frame of an answer."""

    content: StartContent


class StatusFrame(TypedFrame, frozen=True, kw_only=True, tag="status"):
    """This frame says what is being done while no text comes."""

    content: StatusContent


class TextFrame(TypedFrame, frozen=True, kw_only=True, tag="text"):
    """This frame is a piece of the answer."""

    content: str


class ImageFrame(TypedFrame, frozen=True, kw_only=True, tag="image"):
    """This frame shows a picture that the model draws, or a part of it."""

    content: ImageContent


class ReferenceFrame(TypedFrame, frozen=True, kw_only=True, tag="reference"):
    """This frame names a source of the answer. The address of the source also stands beside the content."""

    content: ReferenceContent
    url: str


class MetadataFrame(TypedFrame, frozen=True, kw_only=True, omit_defaults=True, tag="metadata"):
    """This frame holds the facts about the whole answer. Those that clients look for first also stand beside the
    content."""

    content: MetadataContent
    usage: Usage
    image_results: tuple[ImageResult, ...] = ()
    video_results: tuple[VideoResult, ...] = ()


class ErrorFrame(TypedFrame, frozen=True, kw_only=True, tag="error"):
    """This frame says why the answer failed."""

    content: ErrorContent


class RestartFrame(TypedFrame, frozen=True, kw_only=True, tag="restart"):
    """This frame says that the text so far doesn't count, and that the answer begins again."""

    content: RestartContent


class DoneFrame(TypedFrame, frozen=True, kw_only=True, tag="done"):
    """This is the last frame of an answer."""

    content: DoneContent


class HeartbeatFrame(Struct, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    """This frame shows that the connection lives. It has no number, because it isn't part of the answer."""

    content: HeartbeatContent


class ReconnectFrame(Struct, frozen=True, kw_only=True, tag_field="type", tag="reconnect"):
    """This frame says that the connection ends here and the answer goes on elsewhere. It has no number."""

    content: ReconnectContent


TYPED_FRAMES: TypeAlias = (
    StartFrame
    | StatusFrame
    | TextFrame
    | ImageFrame
    | ReferenceFrame
    | MetadataFrame
    | ErrorFrame
    | RestartFrame
    | DoneFrame
    | HeartbeatFrame
    | ReconnectFrame
)
"""A frame of this format is one of these."""

_ENVELOPES: Mapping[type[Frame], Callable[..., TypedFrame]] = {
    Start: StartFrame,
    StageNotice: StatusFrame,
    Image: ImageFrame,
    Failure: ErrorFrame,
    Restart: RestartFrame,
    Done: DoneFrame,
}
"""These frames hold only their number and their content."""

_HEARTBEAT = b"data: %b\n\n" % encode_json(HeartbeatFrame(content=HeartbeatContent()))


class TypedEncoder(FrameEncoder):
    """A `TypedEncoder` is a `FrameEncoder`. Where the context wants ids, each frame also has an `id:`, for clients that
    resume by it."""

    def __init__(self, context: FormatContext) -> None:
        self._prefix = context.prefix
        self._id = b"id: %b-" % context.answer_id.encode() if context.ids else b""
        self._retry = b"retry: %d\n" % RETRY_MS

    def heartbeat(self) -> bytes:
        return _HEARTBEAT

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        return b"data: %b\n\n" % encode_line(build_reconnect(reason, backoff_ms))

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        # Nearly every frame is text, and making a `TextFrame` of it would take twice the time.
        if isinstance(frame, Text):
            event = b'data: {"seq":%d,"type":"text","content":%b}\n\n' % (seq, encode_json(frame.content))
        else:
            event = b"data: %b\n\n" % encode_json(build_typed_frame(seq, frame, self._prefix))
        return self._add_id(seq, event) if self._id else event

    def _add_id(self, seq: int, event: bytes) -> bytes:
        retry, self._retry = self._retry, b""
        return b"%b%d\n%b%b" % (self._id, seq, retry, event)


def build_typed_frame(seq: int, frame: Frame, prefix: str) -> object:
    """Build the frame with its number, as the contract declares it.

    A frame of a later release has the shape of all others, and its fields are as that release has written them.
    """
    match frame:
        case UnknownFrame(kind=kind, raw=raw):
            return {"seq": seq, "type": kind or "unknown", "content": read_unknown_fields(raw)}
        case Reference():
            source = build_reference(frame, prefix)
            return ReferenceFrame(seq=seq, content=source, url=source.url)
        case Metadata():
            metadata = build_metadata(frame)
            return MetadataFrame(
                seq=seq,
                content=metadata,
                usage=metadata.usage,
                image_results=metadata.image_results,
                video_results=metadata.video_results,
            )
        case _:
            return _ENVELOPES[type(frame)](seq=seq, content=build_content(frame, prefix))


def build_reconnect(reason: str, backoff_ms: int) -> ReconnectFrame:
    """Build the frame that says that the answer goes on elsewhere."""
    return ReconnectFrame(content=ReconnectContent(reason=reason, backoff_ms=backoff_ms))
