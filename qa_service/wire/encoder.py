"""What every streamed format does, and what it is told of the answer that it encodes."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from qa_service.frames import Frame, Start
from qa_service.model import Language


class FormatContext(Struct, frozen=True):
    """The answer, and where its reader stands.

    A format with open parts must know on a resume what its reader has seen: `sent` holds those frames, the first being
    the answer's first. It is empty for a reader that begins at the beginning, and where the log has expired: then the
    answer comes again as a `Start`, a `Restart` and what was saved.
    """

    answer_id: str
    prefix: str
    """The path under which the reader finds the service."""
    start: Start | None = None
    """The answer's first frame, where it is known."""
    sent: Sequence[Frame] = ()
    language: Language = "en"
    ids: bool = False
    """Whether each frame carries an id for clients that resume by it."""


class FrameEncoder(Protocol):
    """Frames of one answer into the bytes of one reader's stream. It is pure: nothing waits, and nothing is stored.

    Where a format has nothing to say, a method returns no bytes, and nothing is sent.
    """

    def head(self) -> bytes:
        """The bytes before the first frame that this reader gets."""

    def batch(self, first: int, frames: Sequence[Frame]) -> bytes:
        """The bytes of frames that leave together, each whole, numbered from `first`."""

    def heartbeat(self) -> bytes:
        """The bytes that say that the connection lives."""

    def reconnect(self, reason: str, backoff_ms: int) -> bytes:
        """The bytes that say: this connection ends here, and the answer goes on elsewhere."""

    def tail(self) -> bytes:
        """The bytes behind the answer's last frame."""
