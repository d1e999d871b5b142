"""This module has the AI SDK's UI message stream, version 1, which its `useChat` reads.

The stream builds one message of parts. A text is a part that is opened, written and closed, and the parts stand in a
step. What no part of the SDK can hold goes into parts of our own, whose types begin with `data-`. Those that are
`transient` reach the page's `onData` and aren't kept in the message. A client reads nothing behind an `error`, so the
error comes last, behind the metadata.
"""

import re
from collections.abc import Iterator, Mapping
from mimetypes import guess_type
from typing import TypeAlias

import msgspec
from msgspec import Struct

from qa_service.errors import QAError
from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Start,
    Text,
    UnknownFrame,
)
from qa_service.language.phrases import build_failure
from qa_service.model import Status
from qa_service.wire.content import build_error, build_image, build_metadata, build_reference, read_unknown_fields
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.structs import (
    ErrorContent,
    ImageContent,
    MetadataContent,
    ReconnectContent,
    ReferenceContent,
    RestartContent,
    StartContent,
    StatusContent,
)


class UiChunk(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="type"):
    """This is the base of everything that the stream holds."""


class UiStart(UiChunk, frozen=True, kw_only=True, tag="start"):
    """This begins the message. Its id is the answer's."""

    message_id: str
    message_metadata: StartContent


class UiStepStart(UiChunk, frozen=True, kw_only=True, tag="start-step"):
    """This begins a step."""


class UiStepEnd(UiChunk, frozen=True, kw_only=True, tag="finish-step"):
    """This ends a step."""


class UiTextStart(UiChunk, frozen=True, kw_only=True, tag="text-start"):
    """This opens a part of text."""

    id: str


class UiTextDelta(UiChunk, frozen=True, kw_only=True, tag="text-delta"):
    """This is a piece of the answer, in the part of text that is open."""

    id: str
    delta: str


class UiTextEnd(UiChunk, frozen=True, kw_only=True, tag="text-end"):
    """This closes a part of text."""

    id: str


class UiSourceUrl(UiChunk, frozen=True, kw_only=True, tag="source-url"):
    """This is a source in the web. `sourceId` is its number in the text."""

    source_id: str
    url: str
    title: str | None = None


class UiSourceDocument(UiChunk, frozen=True, kw_only=True, tag="source-document"):
    """This is a document that the answer cites. `sourceId` is its number in the text. Where the document is read stands
    in the `data-reference` that follows."""

    source_id: str
    media_type: str
    title: str
    filename: str | None = None


class UiReference(UiChunk, frozen=True, kw_only=True, tag="data-reference"):
    """This is a source as the default stream has it, with its page and its quote. `id` is its number in the text."""

    id: str
    data: ReferenceContent


class UiDrawing(UiChunk, frozen=True, kw_only=True, tag="data-image"):
    """This is a picture that isn't finished. It takes the place of an earlier one with the same index."""

    data: ImageContent
    transient: bool


class UiFile(UiChunk, frozen=True, kw_only=True, tag="file"):
    """This is a picture that is finished."""

    url: str
    media_type: str


class UiStatus(UiChunk, frozen=True, kw_only=True, tag="data-status"):
    """This says what is being done while no text comes."""

    data: StatusContent
    transient: bool


class UiRestart(UiChunk, frozen=True, kw_only=True, tag="data-restart"):
    """This says that the text of the steps before this one doesn't count."""

    data: RestartContent
    transient: bool


class UiReconnect(UiChunk, frozen=True, kw_only=True, tag="data-reconnect"):
    """This says that the connection is cut here, and that the answer goes on elsewhere."""

    data: ReconnectContent
    transient: bool


class UiMetadata(UiChunk, frozen=True, kw_only=True, tag="message-metadata"):
    """This adds the facts about the whole answer to the message's metadata."""

    message_metadata: MetadataContent


class UiErrorDetails(UiChunk, frozen=True, kw_only=True, tag="data-error"):
    """This says why the answer failed, with its code and whether trying again may help."""

    data: ErrorContent
    transient: bool


class UiError(UiChunk, frozen=True, kw_only=True, tag="error"):
    """This ends an answer that failed. The text is a sentence for the person who asked."""

    error_text: str


class UiAbort(UiChunk, frozen=True, kw_only=True, tag="abort"):
    """This ends an answer that was stopped."""

    reason: str


class UiFinish(UiChunk, frozen=True, kw_only=True, tag="finish"):
    """This ends any other answer."""

    finish_reason: str


UI_CHUNKS: TypeAlias = (
    UiStart
    | UiStepStart
    | UiStepEnd
    | UiTextStart
    | UiTextDelta
    | UiTextEnd
    | UiSourceUrl
    | UiSourceDocument
    | UiReference
    | UiDrawing
    | UiFile
    | UiStatus
    | UiRestart
    | UiReconnect
    | UiMetadata
    | UiErrorDetails
    | UiError
    | UiAbort
    | UiFinish
)
"""An event of this format is one of these, or stands for a frame of a later release."""

UI_MESSAGE_HEADER = ("x-vercel-ai-ui-message-stream", "v1")

FINISH_REASONS: Mapping[str, str] = {"stop": "stop", "length": "length", "content_filter": "content-filter"}
"""These are the names that the AI SDK has for our reasons. All others are `other`."""
OTHER_REASON = "other"

_NOT_NAME = re.compile("[^A-Za-z0-9_-]")
_HEARTBEAT = b": heartbeat\n\n"
_ENDED = b"data: [DONE]\n\n"


class UiMessageEncoder(FrameEncoder):
    """A `UiMessageEncoder` is a `FrameEncoder`. An answer that goes on elsewhere is cut off, because clients take
    an end without an error for the end of the answer."""

    def __init__(self, context: FormatContext) -> None:
        self._prefix = context.prefix
        self._language = context.language
        self._texts = 0
        self._delta = b""
        """This begins each piece of the part of text that is open. It is empty where none is open."""
        self._is_step_empty = True
        self._error_text = ""
        self._reason = ""
        for frame in context.sent:
            if isinstance(frame, Text):
                self._open_text()
            else:
                self.encode_frame(0, frame)

    def heartbeat(self) -> bytes:
        return _HEARTBEAT

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        self.is_cut = True
        return _event(UiReconnect(data=ReconnectContent(reason=reason, backoff_ms=backoff_ms), transient=True))

    def tail(self) -> bytes:
        return _ENDED

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        # Nearly every frame is text.
        if isinstance(frame, Text):
            opening = b"" if self._delta else self._open_text()
            return b"%b%b%b}\n\n" % (opening, self._delta, encode_json(frame.content))
        return b"".join([_event(chunk) for chunk in self._chunks(frame)])

    def _open_text(self) -> bytes:
        """Open a part of text unless one is open, and return what says so."""
        if self._delta:
            return b""
        self._texts += 1
        self._is_step_empty = False
        self._delta = b'data: {"type":"text-delta","id":"text-%d","delta":' % self._texts
        return _event(UiTextStart(id=f"text-{self._texts}"))

    def _close_text(self) -> Iterator[UiChunk]:
        if self._delta:
            self._delta = b""
            yield UiTextEnd(id=f"text-{self._texts}")

    def _chunks(self, frame: Frame) -> Iterator[object]:
        if isinstance(frame, StageNotice) or (isinstance(frame, Image) and frame.partial):
            # What isn't kept in the message may come between two pieces of one text.
            yield from build_ui_chunks(frame, self._prefix)
            return
        yield from self._close_text()
        match frame:
            case Restart():
                yield from self._restart(frame)
            case Done():
                yield from (UiStepEnd(), self._end(frame.status))
            case _:
                self._note(frame)
                yield from build_ui_chunks(frame, self._prefix)

    def _restart(self, frame: Restart) -> Iterator[UiChunk]:
        """Begin a step for the text that counts, unless this step is still empty."""
        self._error_text = ""
        if not self._is_step_empty:
            self._is_step_empty = True
            yield from (UiStepEnd(), UiStepStart())
            yield UiRestart(data=RestartContent(reason=frame.reason), transient=True)

    def _note(self, frame: Frame) -> None:
        """Remember what the end of the stream must say."""
        match frame:
            case Metadata():
                self._reason = FINISH_REASONS.get(frame.finish_reason, OTHER_REASON)
            case Failure():
                self._error_text = frame.user_message
            case Reference() | Image():
                self._is_step_empty = False

    def _end(self, status: Status) -> UiChunk:
        match status:
            case "failed":
                return UiError(error_text=self._error_text or build_failure(QAError(), self._language).user_message)
            case "cancelled":
                return UiAbort(reason="cancelled")
            case "completed":
                return UiFinish(finish_reason=self._reason or "stop")
            case _:
                return UiFinish(finish_reason=self._reason or OTHER_REASON)


def build_ui_chunks(frame: Frame, prefix: str) -> Iterator[object]:
    """Build what the message gets of a frame that isn't text, a restart or the end."""
    match frame:
        case Start():
            content = msgspec.convert(frame, StartContent, from_attributes=True)
            yield from (UiStart(message_id=frame.answer_id, message_metadata=content), UiStepStart())
        case StageNotice():
            yield UiStatus(data=msgspec.convert(frame, StatusContent, from_attributes=True), transient=True)
        case Reference():
            source = build_reference(frame, prefix)
            yield from (_build_source(source), UiReference(id=str(frame.n), data=source))
        case Metadata():
            yield UiMetadata(message_metadata=build_metadata(frame))
        case Failure():
            yield UiErrorDetails(data=build_error(frame), transient=True)
        case UnknownFrame(kind=kind, raw=raw):
            yield {"type": f"data-{_NOT_NAME.sub('-', kind) or 'unknown'}", "data": read_unknown_fields(raw)}
        case Image():
            yield _build_picture(build_image(frame, prefix))


def _build_picture(image: ImageContent) -> UiChunk:
    """Build a picture as the SDK knows it, or as a part of our own while it isn't finished."""
    if image.partial:
        return UiDrawing(data=image, transient=True)
    return UiFile(url=image.url, media_type=image.mime_type)


def _build_source(source: ReferenceContent) -> UiChunk:
    """Build a source as the SDK knows it. It has no address for a document, and wants its media type."""
    if source.kind == "url":
        return UiSourceUrl(source_id=str(source.n), url=source.url, title=source.title or None)
    name = source.file or source.title
    return UiSourceDocument(
        source_id=str(source.n),
        media_type=guess_type(name)[0] or "text/plain",
        title=source.title or name,
        filename=source.file,
    )


def _event(chunk: object) -> bytes:
    return b"data: %b\n\n" % encode_line(chunk)
