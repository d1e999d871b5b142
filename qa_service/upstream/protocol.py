"""This module has the Protocols that a vendor's protocol fills. The transport needs nothing else of the vendor."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import httpx2
from msgspec import Struct

from qa_service.deltas import Delta
from qa_service.model import Prompt


class EventReader(Protocol):
    """An `EventReader` reads one response. Its state tells the transport what can still be done for the response."""

    response_id: str
    """Upstream keeps the response under this id. It is empty where upstream doesn't keep the response, or hasn't said
    the id yet."""
    last: int
    """This is the number of the last event that was read, where upstream counts events. It is -1 before the first."""
    working: bool
    """This says whether anything of the answer has come, or a sign of work on it. From then on nothing is asked
    again."""
    ended: bool
    """This says whether upstream itself has ended the response, be it well or with a failure."""

    @property
    def told(self) -> bool:
        """Tell whether all of the answer has come, so that only what it cost may follow. What goes wrong from then on
        is no failure, and the rest is waited for only briefly."""

    @property
    def nameless(self) -> bool:
        """Tell whether upstream keeps the response, but hasn't said its id yet."""

    @property
    def resumable(self) -> bool:
        """Tell whether the rest can be read over another connection."""

    def read_deltas(self, chunks: Iterable[bytes]) -> Iterator[Delta]:
        """Read the deltas from the body's bytes, which are cut anywhere. `Finished` comes last, or an `UpstreamError`
        is raised.

        The end of the chunks is the end of the body. The reader decides what that means: a response that is no stream
        is complete there, and a stream without its terminal event was cut.
        """

    def reconnect(self) -> None:
        """Expect the next chunks from another connection, on which an event that was cut comes again as a whole."""


class EventReaderFactory(Protocol):
    """An `EventReaderFactory` makes the reader of one response."""

    def __call__(self, *, kept: bool, response_id: str = "") -> EventReader:
        """Make a reader that has read nothing yet. `kept` says that upstream keeps the response, so that its events
        have numbers. `response_id` is given where somebody else has opened the response."""


class RequestWriter(Protocol):
    """A `RequestWriter` writes requests as the bytes that are sent, with their address, credentials and headers."""

    def write_question(self, parameters: Mapping[str, object]) -> bytes:
        """Write a request for an answer. The parameters have the vendor's own names."""

    def write_follow(self, response_id: str, after: int) -> bytes:
        """Write a request for the events of a response that upstream keeps. These are the events behind the one with
        the number `after`, or all of them where it is -1."""

    def write_cancel(self, response_id: str) -> bytes:
        """Write a request to end a response that upstream keeps."""


class VendorProtocol(Struct, frozen=True):
    """A `VendorProtocol` says where one vendor's server is, how its requests are written, and how its responses are
    read."""

    address: httpx2.URL
    writer: RequestWriter
    build_parameters: Callable[[Prompt], Mapping[str, object]]
    """This makes the parameters of a request. They have the vendor's own names."""
    new_reader: EventReaderFactory
    essential: frozenset[str]
    """Without these parameters a request isn't what was asked for, so they are never left out."""
    limits: tuple[str, ...]
    """These are the names of the parameter that limits how long an answer becomes. A server may know only one of them:
    where one is unknown, the next is used."""
    keeps: bool = False
    """This says whether the server is asked to keep its responses, so that each can be read over several
    connections."""
    follows: bool = False
    """This says whether a response that the server has kept can be read by its id."""
