"""This module has the stream of OpenAI's Chat Completions API, which most clients of chat models read.

That API has no word for several things. A stage of the work, and a picture that isn't finished, become comments, so
that the connection isn't silent.
A text that doesn't count any more, an answer that was stopped, and one that goes on in another worker become errors,
because a client would take what it has for the whole answer, and can't come back for the rest.
"""

from qa_service.clock import unix_seconds
from qa_service.errors import Draining, Interrupted
from qa_service.frames import Failure, Frame, Image, Metadata, Reference, Restart, StageNotice, Start, Text
from qa_service.language.phrases import build_failure
from qa_service.pause import with_pauses
from qa_service.wire.completion_objects import (
    FINGERPRINT,
    CompletionDelta,
    FinishWord,
    build_annotations,
    build_completion_image,
    build_completion_usage,
    completion_id,
    finish_word,
)
from qa_service.wire.content import build_metadata
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.openai_errors import build_openai_error, build_stopped_failure

_HEARTBEAT = b": heartbeat\n\n"
_DONE = b"data: [DONE]\n\n"
_BEGIN = CompletionDelta(role="assistant", content="")
_NOTHING = CompletionDelta()


class CompletionEncoder(FrameEncoder):
    """A `CompletionEncoder` is a `FrameEncoder`. With `usage`, an event with the tokens of the answer comes before the
    end.

    The stream ends with an event that isn't JSON, as OpenAI's does. After an error nothing more comes.
    """

    def __init__(self, context: FormatContext, *, usage: bool = False) -> None:
        self._prefix = context.prefix
        self._language = context.language
        self._wants_usage = usage
        self._is_over = False
        self._sources: list[Reference] = []
        self._texts: list[str] = []
        self._has_pictures = False
        self._head = _write_head(context)
        self._choice = self._head + b'"choices":[{"index":0,"delta":'
        for frame in with_pauses(context.sent):
            self._note(frame)

    def heartbeat(self) -> bytes:
        return b"" if self._is_over else _HEARTBEAT

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        draining = Draining("this worker stops before the answer's end", retry_after=max(1, backoff_ms // 1000))
        return _write_error(build_failure(draining, self._language))

    def tail(self) -> bytes:
        return b"" if self._is_over else _DONE

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        if self._is_over:
            return b""
        # Nearly every frame is text.
        if isinstance(frame, Text):
            self._texts.append(frame.content)
            return b'%b{"content":%b},"finish_reason":null}]}\n\n' % (self._choice, encode_json(frame.content))
        self._note(frame)
        failed = self._find_failure(frame)
        return _write_error(failed) if failed else self._write(frame)

    def _note(self, frame: Frame) -> None:
        """Remember what the frame means for those that follow."""
        if isinstance(frame, Text):
            self._texts.append(frame.content)
        elif isinstance(frame, Reference):
            self._sources.append(frame)
        elif isinstance(frame, Image):
            self._has_pictures = self._has_pictures or not frame.partial
        elif self._find_failure(frame):
            self._is_over = True
            self.is_cut = isinstance(frame, Restart)

    def _find_failure(self, frame: Frame) -> Failure | None:
        """Return the failure with which the stream ends at this frame, if it does."""
        match frame:
            case Failure():
                return frame
            case Restart() if any(self._texts) or self._has_pictures:
                broken = Interrupted("what came so far doesn't count, and the answer begins again")
                return build_failure(broken, self._language)
            case Metadata(finish_reason="cancelled"):
                return build_stopped_failure(self._language)
            case _:
                return None

    def _write(self, frame: Frame) -> bytes:
        match frame:
            case Start():
                return self._write_chunk(_BEGIN)
            case StageNotice(stage=stage):
                return b": %b\n\n" % stage.encode()
            case Image(partial=True):
                return _HEARTBEAT
            case Image():
                picture = build_completion_image(frame, self._prefix)
                return self._write_chunk(CompletionDelta(images=(picture,)))
            case Metadata():
                return self._write_end(frame)
            case _:
                return b""

    def _write_end(self, metadata: Metadata) -> bytes:
        refusal = "".join(self._texts) if metadata.finish_reason == "refusal" else None
        last = CompletionDelta(refusal=refusal, annotations=build_annotations(self._sources, self._prefix))
        cited = b"" if last == _NOTHING else self._write_chunk(last)
        facts = b',"x_metadata":%b' % encode_json(build_metadata(metadata))
        return cited + self._write_chunk(_NOTHING, finish_word(metadata), facts) + self._write_usage(metadata)

    def _write_usage(self, metadata: Metadata) -> bytes:
        if not self._wants_usage:
            return b""
        return b'%b"choices":[],"usage":%b}\n\n' % (self._head, encode_json(build_completion_usage(metadata.usage)))

    def _write_chunk(self, delta: CompletionDelta, finish: FinishWord | None = None, facts: bytes = b"") -> bytes:
        return b'%b%b,"finish_reason":%b}]%b}\n\n' % (self._choice, encode_json(delta), encode_json(finish), facts)


def _write_head(context: FormatContext) -> bytes:
    """Write how each chunk begins. All chunks of an answer have the same id, time and model."""
    start = context.start
    return b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"system_fingerprint":%b,' % (
        encode_json(completion_id(context.answer_id)),
        unix_seconds(start.created_at) if start else 0,
        encode_json(start.model if start else ""),
        encode_json(FINGERPRINT),
    )


def _write_error(failed: Failure) -> bytes:
    return b"data: %b\n\n" % encode_line(build_openai_error(failed))
