"""The Protocols that a vendor's protocol fills. The transport needs nothing else of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from qa_service.model import Delta


class EventReader(Protocol):
    """Reads one response. Its state tells the transport what can still be done for it."""

    response_id: str
    """The id under which upstream keeps the response. It is empty where upstream doesn't, or hasn't said it yet."""
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

    def read_deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        """Read the deltas from the body's bytes, which are cut anywhere. `Finished` comes last, or an `UpstreamError`
        is raised.

        The end of the chunks is the end of the body. What it means is the reader's to say: a response that is no
        stream is complete there, a stream without its terminal event was cut.
        """

    def reconnect(self) -> None:
        """Expect the next chunks from another connection, on which an event that was cut comes again as a whole."""


class EventReaderFactory(Protocol):
    """Makes the reader of one response."""

    def __call__(self, *, kept: bool, response_id: str = "") -> EventReader:
        """A reader that has read nothing yet. `kept` says that upstream keeps the response, so that its events have
        numbers; `response_id` is given where somebody else has opened the response."""


class RequestWriter(Protocol):
    """Writes requests as the bytes that are sent, with the address, the credentials and the headers they need."""

    def write_question(self, parameters: Mapping[str, object]) -> bytes:
        """A request for an answer. The parameters have the vendor's own names."""

    def write_follow(self, response_id: str, after: int) -> bytes:
        """A request for the events of a response that upstream keeps: those behind the event with that number, or
        all of them where it is -1."""

    def write_cancel(self, response_id: str) -> bytes:
        """A request for the end of a response that upstream keeps."""


class VendorProtocol(Struct, frozen=True):
    """How one vendor's requests are written, and how its responses are read."""

    writer: RequestWriter
    new_reader: EventReaderFactory
    essential: frozenset[str]
    """The parameters without which a request isn't what was asked for; they are never left out."""
    length: str
    """The parameter that limits how long an answer becomes."""
