"""This module has the AI SDK's UI message stream, version 1, which its `useChat` reads.

The stream builds one message of parts. A text is a part that is opened, written and closed, and the parts stand in a
step. What no part of the SDK can hold goes into parts of our own, whose types begin with `data-`. Those that are
`transient` reach the page's `onData` and aren't kept in the message. A client reads nothing behind an `error`, so the
error comes last, behind the metadata.
"""

import re
from collections.abc import Iterator, Mapping
from mimetypes import guess_type

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
from qa_service.pause import with_pauses
from qa_service.wire.content import (
    build_error,
    build_image,
    build_metadata,
    build_reference,
    build_start,
    build_status,
    read_unknown_fields,
)
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.structs import (
    ImageContent,
    ReconnectContent,
    ReferenceContent,
    RestartContent,
)
from qa_service.wire.ui_chunks import (
    UiAbort,
    UiChunk,
    UiDrawing,
    UiError,
    UiErrorDetails,
    UiFile,
    UiFinish,
    UiMetadata,
    UiReconnect,
    UiReference,
    UiRestart,
    UiSourceDocument,
    UiSourceUrl,
    UiStart,
    UiStatus,
    UiStepEnd,
    UiStepStart,
    UiTextEnd,
    UiTextStart,
)

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
        for frame in with_pauses(context.sent):
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
            yield from (UiStart(message_id=frame.answer_id, message_metadata=build_start(frame)), UiStepStart())
        case StageNotice():
            yield UiStatus(data=build_status(frame, prefix), transient=True)
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
