"""This module reads a request's body. It bounds the body in bytes and seconds, refuses one that isn't complete, and
lets other requests have their turn meanwhile.

Servers leave all this to the app, as measurements showed: gunicorn and Werkzeug give a body no time limit, pass on a
body that is cut short as if it were whole, and cut a chunked body at the limit without saying so.
"""

import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import IO, Self

from flask import Request
from msgspec import Struct, field

from qa_service.errors import BadRequest, BodyTimeout, QAError, TooLarge, Unavailable
from qa_service.pause import give_way
from qa_service.threads import start_thread
from qa_service.web.networks import IPV6_CUSTOMER, network_of
from qa_service.web.reception import Reception

GULP = 1 << 16
CLOCK = "qa_service bodies"
_TICK_SECONDS = 0.1
_SLICE_SECONDS = 0.005
"""After a body was parsed for this many seconds, other requests of the worker have their turn."""
ESTABLISHED = b"\x01"
"""This is the first byte of Linux's `struct tcp_info` while neither side has closed the connection."""


class BodyClock:
    """A `BodyClock` refuses bodies that are too slow, at most 0.1 s late. One thread watches all bodies, and runs only
    while there are any."""

    def __init__(self) -> None:
        self._start_over()
        os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        """Forget the thread and all bodies. A process that was just forked has none, and its parent's thread may have
        held the lock.

        `Thread.is_alive` would let another greenlet run, and this lock would be held meanwhile.
        """
        self._lock = Lock()
        self._bodies: set[RequestBody] = set()
        self._runs = False

    def watch_body(self, body: "RequestBody") -> None:
        """Call the body's `check_pace` again and again until it refuses, or until it is forgotten."""
        with self._lock:
            if not self._runs:
                start_thread(Thread(target=self._run, name=CLOCK, daemon=True))
                self._runs = True
            self._bodies.add(body)

    def forget_body(self, body: "RequestBody") -> None:
        """Watch the body no more. Its connection belongs to the next request from now on, and must not be
        interrupted."""
        with self._lock:
            self._bodies.discard(body)

    def _run(self) -> None:
        time.sleep(_TICK_SECONDS)
        while self._tick():
            time.sleep(_TICK_SECONDS)

    def _tick(self) -> bool:
        with self._lock:
            for body in tuple(self._bodies):
                try:
                    body.check_pace()
                except Unavailable as refusal:
                    self._bodies.discard(body)
                    body.interrupt(refusal)
            if not self._bodies:
                self._runs = False
            return bool(self._bodies)


class BodyBounds(Struct, frozen=True):
    """A `BodyBounds` limits a body: in bytes, in seconds, and by what else is received at the same time.

    A small body that is complete within `soon` seconds needs no room in the reception, so that a question without files
    isn't refused there.
    """

    bytes: int
    seconds: float
    reception: Reception
    clock: BodyClock = field(default_factory=BodyClock)
    soon: float = 1.0


class RequestBody:
    """A `RequestBody` is a request's body as a stream that raises our errors.

    It must be used as a context manager, which reserves and releases its room. A clock ends a body that is too slow,
    because one read may wait for many of the sender's writes. Reads let other requests of the worker have their turn.
    """

    def __init__(self, request: Request, bounds: BodyBounds) -> None:
        self._input: IO[bytes] = request.environ["wsgi.input"]
        self._socket = _socket(request)
        self._bounds = bounds
        self._network = network_of(request.remote_addr or "", IPV6_CUSTOMER)
        self._announced = request.content_length
        self._chunked = is_chunked(request)
        self._large = may_be_large(request)
        self._refusal: QAError | None = None
        self._read = 0
        self._reserved = (0, 0)
        self._began = self._returned = time.monotonic()
        self._worked = 0.0
        if (self._announced or 0) > bounds.bytes:
            raise self._too_large()

    def __enter__(self) -> Self:
        """Reserve room. Raises `RateLimited` or `Overloaded` where there is no room for a body that may be large."""
        self._began = self._returned = time.monotonic()
        if self._large:
            self._reserve_room(1, self._announced or 0)
        try:
            self._bounds.clock.watch_body(self)
        except BaseException:
            self._release_room()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._bounds.clock.forget_body(self)
        self._release_room()

    def check_pace(self) -> None:
        """Refuse a body that is too slow; the clock calls this. Raises `BodyTimeout` when the body's time is over, and
        `RateLimited` or `Overloaded` if the body isn't complete within `soon` seconds and there is no room for it."""
        took = time.monotonic() - self._began
        if took > self._bounds.seconds:
            raise BodyTimeout(f"the body didn't arrive within {self._bounds.seconds:g} s")
        if took > self._bounds.soon and self._reserved == (0, 0):
            self._reserve_room(1, self._announced or 0)

    def interrupt(self, refusal: QAError) -> None:
        """End a read that waits for the sender. This read and all later ones raise `refusal`."""
        self._refusal = refusal
        if self._socket is not None:
            with suppress(OSError):
                _close_for_reading(self._socket)

    def read(self, size: int = -1) -> bytes:
        """Read as a stream does. Raises `TooLarge`, `BodyTimeout`, `RateLimited`, `Overloaded`, or `BadRequest` for a
        body that is cut short or malformed."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(GULP), b""))
        self._give_way()
        chunk = self._receive(min(size, GULP))
        self._read += len(chunk)
        if self._read > self._bounds.bytes:
            raise self._too_large()
        if self._announced is None and chunk:
            self._reserve_room(0, len(chunk))
        self._returned = time.monotonic()
        return chunk

    def _give_way(self) -> None:
        self._worked += time.monotonic() - self._returned
        if self._worked > _SLICE_SECONDS:
            self._worked = 0
            give_way()

    def _reserve_room(self, bodies: int, size: int) -> None:
        self._bounds.reception.reserve_room(self._network, bodies=bodies, size=size)
        self._reserved = self._reserved[0] + bodies, self._reserved[1] + size

    def _release_room(self) -> None:
        bodies, size = self._reserved
        if bodies or size:
            self._bounds.reception.release_room(self._network, bodies=bodies, size=size)

    def _receive(self, size: int) -> bytes:
        left = size if self._announced is None else min(size, self._announced - self._read)
        if left <= 0 or (self._announced is None and not self._chunked):
            return b""
        chunk, broken = self._read_input(left)
        if self._refusal is not None:
            raise self._refusal
        if broken is not None:
            raise BadRequest("the body is cut short or malformed") from broken
        if not chunk and self._announced is not None:
            raise BadRequest(f"the body is cut short: {self._read} of {self._announced} bytes came")
        return chunk

    def _read_input(self, size: int) -> tuple[bytes, Exception | None]:
        try:
            return self._input.read(size), None
        except Exception as error:  # noqa: BLE001 - each server has its own classes for a body that it can't read
            return b"", error

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._bounds.bytes} bytes")


def hung_up(request: Request) -> Callable[[], bool]:
    """Return a function that tells, without waiting and without writing, whether the sender has closed the connection.

    The server doesn't tell a running generator, and measurements showed that only the second write would notice.
    """
    connection = _socket(request)
    if connection is None:
        return lambda: False
    tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
    return partial(_knows_closed if tcp and sys.platform == "linux" else _reads_closed, connection)


def _knows_closed(connection: socket.socket) -> bool:
    """Ask the system whether the connection is closed. The system knows that even where bytes are unread, such as a TLS
    alert or the next request."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != ESTABLISHED
    except OSError:
        return True


def _reads_closed(connection: socket.socket) -> bool:
    look = select.poll()
    look.register(connection, select.POLLIN)
    try:
        return bool(look.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
    except ValueError:  # A TLS socket can't be read without taking the bytes.
        return False


def _close_for_reading(connection: socket.socket) -> None:
    """End reading. After the `shutdown` of a TLS socket itself, everything that follows would be sent unencrypted, so
    the one of the plain socket is called."""
    if isinstance(connection, ssl.SSLSocket):
        socket.socket.shutdown(connection, socket.SHUT_RD)
    else:
        connection.shutdown(socket.SHUT_RD)


def may_be_large(request: Request) -> bool:
    """Tell from the request's headers whether the body may be larger than what is read at once."""
    return is_chunked(request) or (request.content_length or 0) > GULP


def is_chunked(request: Request) -> bool:
    """Tell whether a body comes whose length isn't announced, and whose end the server finds.

    The header is looked at too, because gunicorn sets `wsgi.input_terminated` for every request, even without a body.
    """
    return bool(request.environ.get("wsgi.input_terminated")) and "Transfer-Encoding" in request.headers


def _socket(request: Request) -> socket.socket | None:
    found = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return found if hasattr(found, "settimeout") else None
