"""This module has one connection to upstream. A stop can end it at any moment, and each wait on it has an end."""

import math
import socket
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import httpx2
from httptools import HttpParserError
from msgspec import Struct

from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.pause import give_way
from qa_service.upstream.failures import FOREIGN
from qa_service.upstream.reply import Reply
from qa_service.upstream.way import Way

_READ = 32 * 1024
"""This many bytes are read at once. To read the events in them takes up to ten milliseconds."""
_TURN_SECONDS = 0.005
"""Upstream may send faster than its events are read. After this many seconds without a wait, other requests have their
turn."""
_WAIT_SECONDS = 0.0005
"""A read that took longer than this has waited, and other requests have had their turn meanwhile."""


class Patience(Struct, frozen=True):
    """A `Patience` says how many seconds each phase of a request may take. The caller limits the answer as a whole."""

    connect: float = 5.0
    first_token: float = 60.0
    """This much time may pass from the request to the first sign of work, however many bytes come before it."""
    idle: float = 60.0
    """After the first sign of work, this much time may pass between two reads."""
    cost: float = 2.0
    """When all of the answer has come, and not what it cost, this much time may pass between two reads."""
    dial: float = 1.0
    """Connecting may take this much longer than `connect` where a name has further addresses, or where a proxy answers
    byte by byte."""
    last_bytes: float = 0.25
    """The bytes behind the terminal event are waited for this long, so that the connection can carry another
    request."""
    reuse: float = 60.0
    """This long after its last use a connection may carry another request. Upstream will have closed an older one."""
    tick: float = 0.1
    """The end of one of the times above may be noticed this much later."""


class UpstreamConnection:
    """An `UpstreamConnection` carries one request at a time over HTTP/1.1, and stays open for the next.

    The SDK's own transport isn't used, because it doesn't tell which socket waits for an answer, and because closing
    that socket doesn't wake its reader. It also reads more slowly. A chunk that comes alone takes 46 µs there and 13 µs
    here. Chunks that come together take 5.7 µs each there, and 0.2 µs here, where they are handed over in one piece.
    Foreign errors aren't mapped here.
    """

    def __init__(self, way: Way, patience: Patience) -> None:
        self._way = way
        self._patience = patience
        self._aborted = False
        self._sent = False
        self._late = ""
        self._socket: socket.socket | None = None
        self._reply: Reply | None = None
        self._works = False
        self._idle = patience.idle
        """Once upstream works, this much time may pass between two reads."""
        self._used_at = 0.0
        self._came_at = math.inf
        self._worked = 0.0
        """For this many seconds what came has been read without a wait."""
        self.due = math.inf
        """At this moment, in seconds of `time.monotonic()`, the time for the current phase is over. Reads here have no
        time-out: at that moment a `Watch` calls `expire`."""

    def send_request(self, message: bytes) -> Reply:
        """Send a request as it stands on the wire, and wait for the head of the reply. Its body is left unread."""
        if self.is_stale():
            self.close_socket()
        self._used_at, self._works, self._sent = monotonic(), False, False
        self._idle = self._patience.idle
        return self._exchange(message)

    def http_response(self, request: httpx2.Request) -> httpx2.Response:
        """Return the reply that has come, in the form that the SDK's errors need. Its body is read from this
        connection."""
        reply = self._reply or Reply()
        return httpx2.Response(reply.status, headers=reply.headers, stream=_UnreadBody(self), request=request)

    def read_body(self) -> bytes:
        """Return all that has come of the body, or wait for what comes next. The result is empty at the body's end."""
        reply = self._reply
        if reply is None:
            return b""
        while not reply.has_news():
            self._receive(reply)
        return reply.take_body()

    def note_work(self) -> None:
        """Note that upstream works on the answer: from now on only the silence between two reads is limited."""
        if not self._works:
            self._works = True
            self.due = monotonic() + self._idle

    def note_told(self) -> None:
        """Note that all of the answer has come: from now on a silence may only be as long as `cost` says."""
        self._idle = self._patience.cost
        self.due = monotonic() + self._idle

    def read_to_end(self) -> None:
        """Read the little that may follow the terminal event, so that the connection can be used again."""
        self._used_at, self.due = monotonic(), math.inf
        self._set_timeout(self._patience.last_bytes)
        with suppress(UpstreamTimeout, *FOREIGN):
            while self.read_body() and monotonic() < self._used_at + self._patience.last_bytes:
                pass
        self._set_timeout(None)

    def expire(self) -> None:
        """Wake the thread that waits here, because patience has ended. Any thread may call this."""
        self._late = "upstream was silent for too long"
        if not self._works:
            self._late = f"no first token within {self._patience.first_token:g} s"
        self.abort()

    def abort(self) -> None:
        """Wake the thread that connects, sends or reads here. After that, nothing can be asked on this connection. Any
        thread may call this."""
        self._aborted = True
        if (reached := self._socket) is not None:  # Another thread may close it at this very moment.
            with suppress(OSError):
                reached.shutdown(socket.SHUT_RDWR)

    def abort_within(self, seconds: float) -> None:
        """Abort after this many seconds, in which a request that has been sent may still be answered. Any thread may
        call this."""
        self._aborted = True
        if self._sent:
            self.due = min(self.due, monotonic() + seconds)
        else:
            self.abort()

    def is_reusable(self) -> bool:
        """Tell whether another request can follow, because the last reply was read to its end and there was no stop."""
        return not self._aborted and self._reply is not None and self._reply.ended and self._reply.keeps_open

    def is_stale(self) -> bool:
        """Tell whether this was used last so long ago that upstream will have closed it."""
        return monotonic() - self._used_at > self._patience.reuse

    def close_socket(self) -> None:
        """Close the socket, if there is one; the next request opens another."""
        self.due = math.inf
        if self._socket:
            self._socket.close()
        self._socket = self._reply = None

    def _exchange(self, message: bytes) -> Reply:
        reused = self._socket is not None
        try:
            return self._exchange_once(message)
        except OSError:
            if not reused or self._aborted or (self._reply and self._reply.heard):
                raise
        self.close_socket()  # Upstream had closed the idle connection, as it may.
        return self._exchange_once(message)

    def _exchange_once(self, message: bytes) -> Reply:
        reply = self._reply = Reply()
        reached = self._socket = self._socket or self._connect()
        if self._aborted:
            raise ConnectionAbortedError
        self.due, self._sent = monotonic() + self._patience.first_token, True
        self._came_at, self._worked = math.inf, 0.0  # The time since the last request wasn't spent on reading.
        reached.sendall(message)
        while not reply.has_head:
            self._receive(reply)
        return reply

    def _receive(self, reply: Reply) -> None:
        if self._socket is None:
            raise ConnectionAbortedError
        self._give_way_if_due()
        if self._works:
            self.due = monotonic() + self._idle
        try:
            piece = self._receive_piece(self._socket)
        except OSError as error:
            if self._late:
                raise UpstreamTimeout(self._late) from error
            raise
        if self._late:
            raise UpstreamTimeout(self._late)
        if self._works:
            self.due = math.inf  # Only waiting counts. What has come may take long to be read, such as a picture.
        reply.feed_bytes(piece)

    def _give_way_if_due(self) -> None:
        """Let others have their turn after a while without a wait. That may take long on a busy machine, and upstream
        isn't silent meanwhile."""
        self._worked += max(monotonic() - self._came_at, 0.0)
        if self._worked > _TURN_SECONDS:
            self._worked = 0.0
            if self._works:
                self.due = math.inf
            give_way()

    def _receive_piece(self, reached: socket.socket) -> bytes:
        began = monotonic()
        piece = reached.recv(_READ)
        self._came_at = monotonic()
        if self._came_at - began > _WAIT_SECONDS:
            self._worked = 0.0
        return piece

    def _connect(self) -> socket.socket:
        # A proxy may answer byte by byte, and each byte comes in time. Only the watch ends such a wait.
        self.due = monotonic() + self._patience.connect + self._patience.dial
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
        if self._aborted:
            raise ConnectionAbortedError

    def _set_timeout(self, seconds: float | None) -> None:
        if self._socket:
            self._socket.settimeout(seconds)


class _UnreadBody(httpx2.SyncByteStream):
    """This is the rest of a reply. Closing it does nothing, because the connection is closed by whoever opened it."""

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._connection.read_body():
            yield piece
