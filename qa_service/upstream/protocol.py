"""What the transport needs of a vendor's protocol: any protocol is carried, waited for and asked again alike."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from qa_service.model import Delta


class EventReader(Protocol):
    """Reads one response. Its state tells the transport what can still be done for it."""

    response_id: str
    """Under which upstream keeps the response; empty where it doesn't, or hasn't said so yet."""
    last: int
    """The number of the last event that was read, where upstream counts them; -1 before the first."""
    working: bool
    """Whether anything of the answer has come, or a sign of work on it. From then on nothing is asked again."""
    ended: bool
    """Whether upstream itself has ended the response, one way or another."""

    @property
    def nameless(self) -> bool:
        """Whether upstream keeps the response, but hasn't said its id yet."""

    @property
    def resumable(self) -> bool:
        """Whether the rest can be had over another connection."""

    def deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        """From the body's bytes, cut anywhere. `Finished` comes last, or an `UpstreamError` is raised.

        The end of the chunks is the end of the body. What it means is the reader's to say: a response that is no
        stream is complete there, a stream without its terminal event was cut.
        """

    def reconnect(self) -> None:
        """The next chunks come over another connection: an event that was cut comes again as a whole."""
