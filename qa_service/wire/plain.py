"""This module has the stream of plain text: the answer's text and nothing else, for readers that show what comes."""

from collections.abc import Sequence

from qa_service.frames import Failure, Frame, Restart, Text, text_from_frames
from qa_service.pause import with_pauses
from qa_service.wire.encoder import FormatContext, FrameEncoder


class PlainTextEncoder(FrameEncoder):
    """A `PlainTextEncoder` is a `FrameEncoder`. An error is never written as text: the stream is cut instead, and so it
    is where the text that the reader has doesn't count any more, or goes on elsewhere."""

    def __init__(self, context: FormatContext) -> None:
        self._has_text = bool(text_from_frames(with_pauses(context.sent)))

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        return b"".join([self.encode_frame(seq, frame) for seq, frame in enumerate(frames, first)])

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        if isinstance(frame, Text) and not self.is_cut:
            self._has_text = self._has_text or bool(frame.content)
            return frame.content.encode()
        if isinstance(frame, Failure) or (isinstance(frame, Restart) and self._has_text):
            self.is_cut = True
        return b""
