"""Reading a request's body: bounded in bytes and time, complete or refused, and never in one long gulp.

What the servers below leave to us (measured): a body has no time-out, one that is cut short is handed on as if
it were whole, and a chunked one over the limit is cut in silence.
"""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import IO, Self

from flask import Request
from msgspec import Struct, field

from qa_service.errors import BadRequest, BodyTimeout, TooLarge
from qa_service.threads import start_thread

GULP = 1 << 16
BETWEEN_YIELDS = 1 << 18
CLOCK = "qa_service bodies"
TICK_SECONDS = 0.1


class Clock:
    """Ends bodies whose time is over, a moment late at most: one thread for all of them, as long as there are any."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bodies: dict[Body, float] = {}
        self._thread: Thread | None = None

    def watch(self, body: "Body", seconds: float) -> None:
        """Ring for this body in so many seconds, unless it is forgotten by then."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                thread = Thread(target=self._run, name=CLOCK, daemon=True)
                start_thread(thread)
                self._thread = thread
            self._bodies[body] = time.monotonic() + seconds

    def forget(self, body: "Body") -> None:
        """From now on its connection is the next request's, and safe."""
        with self._lock:
            self._bodies.pop(body, None)

    def _run(self) -> None:
        time.sleep(TICK_SECONDS)
        while self._tick():
            time.sleep(TICK_SECONDS)

    def _tick(self) -> bool:
        with self._lock:
            now = time.monotonic()
            for body in [body for body, end in self._bodies.items() if end <= now]:
                del self._bodies[body]
                body.ring()
            if not self._bodies:
                self._thread = None
            return bool(self._bodies)


class Bounds(Struct, frozen=True):
    """How much of a body is read, and for how long."""

    bytes: int
    seconds: float
    clock: Clock = field(default_factory=Clock)


class Body:
    """A request's body as a stream that raises our errors.

    Reads give way to other requests of this worker now and then: a fast sender would else keep it. To be used as a
    context: a clock ends the body, since one read of the server's waits for many of the sender's writes.
    """

    def __init__(self, request: Request, bounds: Bounds) -> None:
        self._input: IO[bytes] = request.environ["wsgi.input"]
        self._socket = _socket(request)
        self._bounds = bounds
        self._announced = request.content_length
        self._chunked = is_chunked(request)
        self._rang = False
        self._read = 0
        self._yields_at = BETWEEN_YIELDS
        if (self._announced or 0) > bounds.bytes:
            raise self._too_large()

    def __enter__(self) -> Self:
        self._bounds.clock.watch(self, self._bounds.seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self._bounds.clock.forget(self)

    def ring(self) -> None:
        """Its time is over: a read that waits for the sender ends."""
        self._rang = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(GULP), b""))
        chunk = self._receive(min(size, GULP))
        self._read += len(chunk)
        if self._read > self._bounds.bytes:
            raise self._too_large()
        if self._read >= self._yields_at:
            self._yields_at += BETWEEN_YIELDS
            time.sleep(0)
        return chunk

    def _receive(self, size: int) -> bytes:
        left = size if self._announced is None else min(size, self._announced - self._read)
        if left <= 0 or (self._announced is None and not self._chunked):
            return b""
        chunk, broken = self._taken(left)
        if self._rang:
            raise BodyTimeout(f"the body didn't arrive within {self._bounds.seconds:g} s")
        if broken is not None:
            raise BadRequest("the body is cut short or malformed") from broken
        if not chunk and self._announced is not None:
            raise BadRequest(f"the body is cut short: {self._read} of {self._announced} bytes came")
        return chunk

    def _taken(self, size: int) -> tuple[bytes, Exception | None]:
        try:
            return self._input.read(size), None
        except Exception as error:  # noqa: BLE001 - each server has its own classes for a body that it can't read
            return b"", error

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._bounds.bytes} bytes")


def hung_up(request: Request) -> Callable[[], bool]:
    """Asks, without waiting and without writing, whether this request's sender has closed the connection.

    The server tells a running generator nothing, and a write would notice only the second time (measured).
    """
    connection = _socket(request)
    if connection is None:
        return lambda: False
    look = select.poll()
    look.register(connection, select.POLLIN)

    def gone() -> bool:
        try:
            return bool(look.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    return gone


def is_chunked(request: Request) -> bool:
    """Whether a body comes whose length isn't announced, from a server that tells its end.

    gunicorn says of every request that it does, also of one without a body.
    """
    return bool(request.environ.get("wsgi.input_terminated")) and "Transfer-Encoding" in request.headers


def _socket(request: Request) -> socket.socket | None:
    found = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return found if hasattr(found, "settimeout") else None
