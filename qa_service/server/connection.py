"""This module wraps a caller's connection so that reading gives way to others, and sending has a deadline."""

import errno
import socket
import ssl
import struct
from contextlib import suppress
from typing import Any

import gevent
from gevent.socket import socket as gevent_socket

from qa_service.server.turn import ReadingTurn

FREE_BYTES = 1 << 14
"""This many bytes of a request are read without giving way, so that a question without files isn't slowed down on a
busy worker."""
MOST_AT_ONCE = 1 << 16
"""At most this many bytes are read at once. gunicorn would read up to 1 MiB of a body, keep it, and copy the rest of it
at each of the app's reads. With this bound an upload of 40 MB takes 0.08 s of a worker's time, and without it 0.17
s."""
DRAIN_BYTES = 1 << 16
"""Of a body that the app hasn't read, at most this many bytes are read and thrown away."""
FREE_ANSWER_BYTES = 1 << 12
"""This many bytes of an answer are sent between two looks of the worker at its connections before its sender gives way.
Hundreds who read a long answer that is there already would otherwise be served before anybody else."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """A `Connection` takes the place of a gevent socket, plain or TLS, in gunicorn. All methods that aren't defined
    here are those of the socket."""

    def __init__(self, client: gevent_socket, turn: ReadingTurn, send_seconds: float) -> None:
        self._client = client
        self._turn = turn
        self._encrypted = isinstance(client, ssl.SSLSocket)
        self._send_seconds = send_seconds
        self._received = 0
        self._looks = turn.looks
        self._waited = True
        self._sent, self._sent_at = 0, turn.looks
        if client.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            # With this option the deadline also holds for bytes in the system's buffer, for which no `send` waits.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(send_seconds * 1000))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def end_request(self, *, more: bool) -> None:
        """End a request. Give way if the caller has sent its next request without waiting for the answer. `more` says
        that bytes of the next request have been read already."""
        self._received = 0
        # The count of looks is taken before giving way. So if this connection gives way now, it counts as having waited
        # for its next request, and doesn't give way again after that one.
        self._looks = self._turn.looks
        if more or not self._waited:
            self._turn.give_way()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive as a socket does. After `FREE_BYTES` of a request, each call gives way to other connections if it
        must."""
        try:
            content = self._client.recv(min(size, MOST_AT_ONCE), flags)
        except TimeoutError:  # The system has closed the connection, since the caller didn't take earlier bytes.
            raise ConnectionResetError(errno.ECONNRESET, "the caller took no byte in time") from None
        self._waited = self._looks != self._turn.looks
        self._received += len(content)
        if self._received > FREE_BYTES:
            self._turn.give_way()
        return content

    def send(self, content: bytes, flags: int = 0) -> int:
        """Send all of the content. gunicorn calls `send` in one place, and expects there that all is sent."""
        self.sendall(content, flags)
        return len(content)

    def sendall(self, content: bytes, flags: int = 0) -> None:
        """Send all of the content. Raises `BrokenPipeError` when the caller has taken no byte for `send_seconds`.

        Nearly always the system takes all of it at once. A timer is started only where it doesn't, since a send takes
        five microseconds, and a timer around it would take one and a half more.
        """
        self._give_way_after(len(content))
        sent = 0
        try:
            if not self._encrypted:
                sent = self._client.send(content, flags, 0.0)  # type: ignore[call-arg] # The stubs don't know this.
        except BlockingIOError:
            pass
        except TimeoutError:
            raise self._taken_too_late() from None
        if sent < len(content):
            self._send_patiently(memoryview(content)[sent:])

    def _give_way_after(self, size: int) -> None:
        """Give way if much is sent at once. A stream that is written at the moment sends little each time."""
        if self._sent_at != self._turn.looks:
            self._sent, self._sent_at = 0, self._turn.looks
        self._sent += size
        if self._sent > FREE_ANSWER_BYTES:
            self._turn.give_way()

    def _send_patiently(self, rest: memoryview) -> None:
        self._client.settimeout(self._send_seconds)
        try:
            while rest:
                rest = rest[self._client.send(rest) :]
        except TimeoutError:
            # With this option, closing resets the connection. Otherwise the kernel would keep the bytes that weren't
            # taken, and go on trying to send them.
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            raise self._taken_too_late() from None
        finally:
            self._client.settimeout(None)

    def _taken_too_late(self) -> BrokenPipeError:
        return BrokenPipeError(errno.EPIPE, f"the caller took no byte for {self._send_seconds:g} s")

    def shutdown(self, how: int) -> None:
        """Shut down as a plain socket does. For TLS, gevent's own method would send the rest of the answer
        unencrypted."""
        gevent_socket.shutdown(self._client, how)

    def linger(self, seconds: float) -> None:
        """Send no more, and throw away what the caller sends until it closes the connection.

        This may wait for ever, so whoever calls it must bound the wait. After `DRAIN_BYTES` nothing more is read, and
        this waits for `seconds`: a caller that goes on sending is blocked then, and has that time to read its answer.
        """
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            left = DRAIN_BYTES
            while left > 0 and (thrown_away := gevent_socket.recv(self._client, left)):
                left -= len(thrown_away)
            if left <= 0:
                gevent.sleep(seconds)
