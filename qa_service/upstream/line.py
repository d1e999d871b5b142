"""One connection to upstream: a stop shuts it at any moment, each phase has its patience."""

import math
import socket
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import httpx2
from httptools import HttpParserError
from msgspec import Struct

from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.upstream.failures import FOREIGN
from qa_service.upstream.reply import Reply
from qa_service.upstream.requests import written
from qa_service.upstream.way import Way

_KEPT_SECONDS = 60
_DIAL_SECONDS = 1.0
"""Beyond the patience to connect: for a name's further addresses, and a last byte of TLS."""
_LAST_BYTES_SECONDS = 0.25
_READ = 64 * 1024


class Patience(Struct, frozen=True):
    """How many seconds each phase may take; the whole answer is limited by whoever asks."""

    connect: float
    first_token: float
    """From the request to the first sign of work, however many bytes come before it."""
    idle: float
    """Between two reads after that."""


class Line(httpx2.BaseTransport):
    """Carries one request at a time over HTTP/1.1 and keeps its connection for the next.

    The default transport doesn't tell which socket waits for an answer, and closing one doesn't wake its
    reader; besides, it gives each chunk by itself at ten times the cost. Foreign errors come out as they are.
    """

    def __init__(self, way: Way, patience: Patience) -> None:
        self._way = way
        self._patience = patience
        self._leaving = False
        self._sent = False
        self._late = ""
        self._socket: socket.socket | None = None
        self._reply: Reply | None = None
        self._settled = False
        self._used_at = 0.0
        self.due = math.inf
        """`time.monotonic()` when patience ends; somebody else must look at it, since reads here have no time-out."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, wait for the headers, leave the body unread."""
        return self.response(self.send(written(request)), request)

    def send(self, message: bytes) -> Reply:
        """The same for a request as it stands on the wire."""
        if self.stale():
            self.hang_up()
        self._used_at, self._settled, self._sent = monotonic(), False, False
        return self._exchange(message)

    def response(self, reply: Reply, request: httpx2.Request) -> httpx2.Response:
        """A reply as the SDK knows it, its body unread."""
        return httpx2.Response(reply.status, headers=reply.headers, stream=_Body(self), request=request)

    def read(self) -> bytes:
        """All that has come of the body, or comes next; empty at its end."""
        reply = self._reply
        if reply is None:
            return b""
        while not reply.has_news():
            self._receive(reply)
        return reply.take()

    def settle(self) -> None:
        """Upstream works: from now on only silence counts."""
        if not self._settled:
            self._settled = True
            self.due = monotonic() + self._patience.idle

    def finish(self) -> None:
        """Read the little that may follow the terminal event, so that the connection can be kept."""
        self._used_at, self.due = monotonic(), math.inf
        self._wait_at_most(_LAST_BYTES_SECONDS)
        with suppress(UpstreamTimeout, *FOREIGN):
            while self.read() and monotonic() < self._used_at + _LAST_BYTES_SECONDS:
                pass
        self._wait_at_most(None)

    def expire(self) -> None:
        """Patience is over: wake whoever waits here, from any thread."""
        self._late = "upstream was silent for too long"
        if not self._settled:
            self._late = f"no first token within {self._patience.first_token:g} s"
        self.shut()

    def shut(self) -> None:
        """Wake whoever connects, sends or reads here, from any thread. Nothing else can be asked on this line."""
        self._leaving = True
        if (reached := self._socket) is not None:  # the line may be hung up this very moment
            with suppress(OSError):
                reached.shutdown(socket.SHUT_RDWR)

    def leave(self, seconds: float) -> None:
        """As `shut`, but what has been sent may still be answered within that time."""
        self._leaving = True
        if self._sent:
            self.due = min(self.due, monotonic() + seconds)
        else:
            self.shut()

    def kept(self) -> bool:
        """Whether another request can follow: the last answer was read to its end and nobody said stop."""
        return not self._leaving and self._reply is not None and self._reply.ended and self._reply.lasting

    def stale(self) -> bool:
        """Whether it was kept for too long: upstream will have closed it."""
        return monotonic() - self._used_at > _KEPT_SECONDS

    def hang_up(self) -> None:
        """Close the connection, if there is one; the next request opens another."""
        self.due = math.inf
        if self._socket:
            self._socket.close()
        self._socket = self._reply = None

    def _exchange(self, message: bytes) -> Reply:
        reused = self._socket is not None
        try:
            return self._asked(message)
        except OSError:
            if not reused or self._leaving or (self._reply and self._reply.heard):
                raise
        self.hang_up()  # upstream had closed the kept connection, as it may
        return self._asked(message)

    def _asked(self, message: bytes) -> Reply:
        reply = self._reply = Reply()
        reached = self._socket = self._socket or self._connect()
        if self._leaving:
            raise ConnectionAbortedError
        self.due, self._sent = monotonic() + self._patience.first_token, True
        reached.sendall(message)
        while not reply.headed:
            self._receive(reply)
        return reply

    def _receive(self, reply: Reply) -> None:
        if self._socket is None:
            raise ConnectionAbortedError
        try:
            piece = self._socket.recv(_READ)
        except OSError as error:
            if self._late:
                raise UpstreamTimeout(self._late) from error
            raise
        if self._late:
            raise UpstreamTimeout(self._late)
        if self._settled:
            self.due = monotonic() + self._patience.idle
        reply.feed(piece)

    def _connect(self) -> socket.socket:
        # A proxy that answers byte by byte is in time with each of them.
        self.due = monotonic() + self._patience.connect + _DIAL_SECONDS
        try:
            reached = self._way.dial(self._patience.connect, self._hold)
        except (OSError, HttpParserError, UnicodeError) as error:
            if isinstance(error, TimeoutError) or self._late:
                raise UpstreamTimeout(f"no connection to upstream within {self._patience.connect:g} s") from error
            raise UpstreamUnavailable("no connection to upstream", connected=False) from error
        reached.settimeout(None)
        return reached

    def _hold(self, dialled: socket.socket) -> None:
        self._socket = dialled
        if self._leaving:
            raise ConnectionAbortedError

    def _wait_at_most(self, seconds: float | None) -> None:
        if self._socket:
            self._socket.settimeout(seconds)


class _Body(httpx2.SyncByteStream):
    """The rest of an answer; the line, not the response, is what gets closed."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._line.read():
            yield piece
