"""This module has the data stream of the AI SDK 4, whose `useChat` reads lines such as `0:"text"`: one
letter or digit, a colon, and JSON.

A client reads nothing after an error, so the error comes last, after the metadata. The text before a restart can't be
taken back in this format; the frame that says so is among the data.
"""

from collections.abc import Iterator

from msgspec import Struct

from qa_service.errors import QAError
from qa_service.frames import Done, Failure, Frame, Metadata, Reference, Restart, Start, Text
from qa_service.language.phrases import build_failure
from qa_service.model import Usage
from qa_service.pause import with_pauses
from qa_service.wire.content import build_reference
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json
from qa_service.wire.typed import build_typed_frame
from qa_service.wire.ui_message import FINISH_REASONS, OTHER_REASON


class DataStreamStep(Struct, frozen=True, rename="camel"):
    """This begins a step (`f:`). The message's id is the answer's."""

    message_id: str


class DataStreamSource(Struct, frozen=True, rename="camel"):
    """This is a source (`h:`). A document's address is a path, since this format knows no other kind than `url`."""

    id: str
    url: str
    title: str
    source_type: str = "url"


class DataStreamUsage(Struct, frozen=True, rename="camel"):
    """These are the tokens of the question with all that was sent along, and of the answer."""

    prompt_tokens: int
    completion_tokens: int


class DataStreamEnd(Struct, frozen=True, rename="camel"):
    """This ends the message (`d:`)."""

    finish_reason: str
    usage: DataStreamUsage


class DataStreamStepEnd(Struct, frozen=True, rename="camel"):
    """This ends a step (`e:`)."""

    finish_reason: str
    usage: DataStreamUsage
    is_continued: bool = False


DATA_STREAM_VALUES = (DataStreamStep, DataStreamSource, DataStreamEnd, DataStreamStepEnd)
"""These are the values of the lines of this format that aren't text or a list of frames of the default stream."""

DATA_STREAM_HEADER = ("x-vercel-ai-data-stream", "v1")

_HEARTBEAT = b"2:[]\n"
"""This is no data at all. Not every client of this format takes an empty line."""


class DataStreamEncoder(FrameEncoder):
    """A `DataStreamEncoder` is a `FrameEncoder`."""

    def __init__(self, context: FormatContext) -> None:
        self._answer_id = context.answer_id
        self._prefix = context.prefix
        self._error_text = build_failure(QAError(), context.language).user_message
        self._reason = ""
        self._usage = Usage()
        for frame in with_pauses(context.sent):
            self._note(frame)

    def heartbeat(self) -> bytes:
        return _HEARTBEAT

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        # Nearly every frame is text.
        if isinstance(frame, Text):
            return b"0:%b\n" % encode_json(frame.content)
        self._note(frame)
        lines = [_line(b"f", DataStreamStep(self._answer_id))] if isinstance(frame, Start | Restart) else []
        if isinstance(frame, Done):
            lines += self._end(frame)
        else:
            lines.append(_line(b"2", [build_typed_frame(seq, frame, self._prefix)]))
        if isinstance(frame, Reference):
            source = build_reference(frame, self._prefix)
            lines.append(_line(b"h", DataStreamSource(str(source.n), source.url, source.title)))
        return b"".join(lines)

    def _note(self, frame: Frame) -> None:
        """Remember what the end of the stream must say."""
        if isinstance(frame, Metadata):
            self._usage = frame.usage
            self._reason = FINISH_REASONS.get(frame.finish_reason, OTHER_REASON)
        elif isinstance(frame, Failure):
            self._error_text = frame.user_message

    def _end(self, done: Done) -> Iterator[bytes]:
        reason = self._reason or ("stop" if done.status == "completed" else OTHER_REASON)
        if done.status == "failed":
            reason = "error"
            yield _line(b"3", self._error_text)
        usage = DataStreamUsage(self._usage.input, self._usage.output)
        yield _line(b"e", DataStreamStepEnd(reason, usage))
        yield _line(b"d", DataStreamEnd(reason, usage))


def _line(code: bytes, value: object) -> bytes:
    return b"%b:%b\n" % (code, encode_json(value))
