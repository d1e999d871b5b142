"""This module says what every streamed format does, and what it is told of the answer that it encodes."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from qa_service.frames import Frame, Start
from qa_service.model import Language
from qa_service.wire.lines import escape_separators


class FormatContext(Struct, frozen=True):
    """A `FormatContext` tells an encoder which answer it encodes, and what its reader has seen of the answer.

    On a resume, a format that opens and closes parts must know what its reader has seen. `sent` holds those frames,
    from the answer's first one on. It is empty for a reader that begins at the beginning, and where the log has
    expired; in that case the answer comes again as a `Start`, a `Restart` and what was saved.
    """

    answer_id: str
    prefix: str
    """This is the path under which the reader finds the service."""
    start: Start | None = None
    """This is the answer's first frame, where it is known."""
    sent: Sequence[Frame] = ()
    language: Language = "en"
    ids: bool = False
    """This says whether each frame has an id, for clients that resume by it."""


class FrameEncoder(Protocol):
    """A `FrameEncoder` turns the frames of one answer into the bytes of one reader's stream. It never waits, and stores
    nothing.

    A format defines `encode_frame`, and those other methods for which it has something to say. Where a method returns
    no bytes, nothing is sent.
    """

    is_cut: bool = False
    """This says whether the connection must be cut now. A format that has no words for a failure says it in this
    way."""

    def head(self) -> bytes:
        """Encode what comes before the first frame that this reader gets."""
        return b""

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        """Encode frames that leave together. Each is whole, and they are numbered from `first`."""
        return escape_separators(b"".join([self.encode_frame(seq, frame) for seq, frame in enumerate(frames, first)]))

    def encode_frame(self, seq: int, frame: Frame) -> bytes:
        """Encode the frame with this number. `batch` escapes the line separators in it."""

    def heartbeat(self) -> bytes:
        """Encode a sign that the connection lives."""
        return b""

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        """Encode the message that this connection ends here, and that the answer goes on elsewhere. A format without
        such a message cuts the connection, because clients take an end without an error for the end of the answer."""
        self.is_cut = True
        return b""

    def tail(self) -> bytes:
        """Encode what comes behind the answer's last frame."""
        return b""
