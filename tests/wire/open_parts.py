"""This module has a format that only the tests have. It opens a part before the first text and closes it before
anything else.

Its signs of life and its goodbye have no bytes, and it has bytes of its own in front of an answer and behind it.
"""

from collections.abc import Iterator

from qa_service.frames import Frame, StageNotice, Text
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.formats import WireFormat
from qa_service.wire.lines import encode_line


class OpenPartsEncoder(FrameEncoder):
    """An `OpenPartsEncoder` is a `FrameEncoder` that must know after a break whether a part is open, and which."""

    def __init__(self, context: FormatContext) -> None:
        self._context = context
        self._part = 0
        self._is_open = False
        for frame in context.sent:
            list(self._lines(frame))

    def head(self) -> bytes:
        start = self._context.start
        return encode_line(["head", start.session_id if start else "", self._context.language]) + b"\n"

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        return b"".join(self._lines(frame))

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        return b""

    def tail(self) -> bytes:
        return b"tail\n"

    def _lines(self, frame: Frame) -> Iterator[bytes]:
        if isinstance(frame, StageNotice):
            return
        if isinstance(frame, Text):
            if not self._is_open:
                self._part, self._is_open = self._part + 1, True
                yield b"text-start %d\n" % self._part
            yield b"text-delta %d %b\n" % (self._part, encode_line(frame.content))
            return
        if self._is_open:
            self._is_open = False
            yield b"text-end %d\n" % self._part
        yield type(frame).__name__.lower().encode() + b"\n"


OPEN_PARTS = WireFormat(
    "open-parts",
    OpenPartsEncoder,
    "application/x-open-parts",
    ("application/x-open-parts",),
    headers=(("Cache-Control", "no-store"), ("X-Open-Parts", "v1")),
)
