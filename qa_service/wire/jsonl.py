"""This module has the stream of JSON lines: one frame of the contract on each line, for readers without events."""

from qa_service.frames import Frame, Text
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.lines import encode_json, encode_line
from qa_service.wire.typed import build_reconnect, build_typed_frame

_BLANK_LINE = b"\n"


class JsonLinesEncoder(FrameEncoder):
    """A `JsonLinesEncoder` is a `FrameEncoder`. A blank line is its sign of life, and the first one comes at once, so
    that a proxy passes the head on."""

    def __init__(self, context: FormatContext) -> None:
        self._prefix = context.prefix

    def head(self) -> bytes:
        return _BLANK_LINE

    def heartbeat(self) -> bytes:
        return _BLANK_LINE

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        return encode_line(build_reconnect(reason, backoff_ms)) + b"\n"

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        # Nearly every frame is text, and making a `TextFrame` of it would take twice the time.
        if isinstance(frame, Text):
            return b'{"seq":%d,"type":"text","content":%b}\n' % (seq, encode_json(frame.content))
        return encode_json(build_typed_frame(seq, frame, self._prefix)) + b"\n"
