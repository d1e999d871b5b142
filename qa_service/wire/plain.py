"""This module has the stream of plain text: the answer's text and nothing else, for readers that show what comes."""

from collections.abc import Sequence

from qa_service.frames import Failure, Frame, Restart, Text, text_from_frames
from qa_service.wire.encoder import FormatContext


class PlainTextEncoder:
    """A `PlainTextEncoder` is a `FrameEncoder`. An error is never written as text: the stream is cut instead, and so it
    is where the text that the reader has doesn't count any more, or goes on elsewhere."""

    def __init__(self, context: FormatContext) -> None:
        self.is_cut = False
        self._has_text = bool(text_from_frames(context.sent))

    def head(self) -> bytes:
        return b""

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        pieces: list[str] = []
        for frame in frames:
            if isinstance(frame, Text):
                pieces.append(frame.content)
            elif isinstance(frame, Failure):
                self.is_cut = True
            elif isinstance(frame, Restart):
                self.is_cut = self._has_text or any(pieces)
            if self.is_cut:
                break
        self._has_text = self._has_text or any(pieces)
        return "".join(pieces).encode()

    def heartbeat(self) -> bytes:
        return b""

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        self.is_cut = True
        return b""

    def tail(self) -> bytes:
        return b""
