"""One caller's connection: reading gives way to others, sending has a deadline, and closing loses no answer."""

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
"""So many bytes of a request are read without giving way, so that a question without files isn't slower on a busy
worker."""
MOST_AT_ONCE = 1 << 16
"""So many bytes are read at once. gunicorn would read up to 1 MiB of a body, keep it, and copy what is left of it at
each of the app's reads: an upload of 40 MB took a worker 0.17 s, and now takes 0.08 s."""
DRAIN_BYTES = 1 << 16
"""At most so many bytes are read of a body that the app didn't read."""
FREE_ANSWER_BYTES = 1 << 12
"""So many bytes of an answer are sent between two looks of the worker at its connections before its sender gives way.
Hundreds who read a long answer that is there already would otherwise be served before anybody else."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """Stands for a gevent socket, plain or TLS, wherever gunicorn uses one. What isn't defined here is the socket's."""

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
            # The deadline also holds for bytes in the system's buffer, for which no `send` waits.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(send_seconds * 1000))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def end_request(self, *, more: bool) -> None:
        """Give way if the caller sent its next request before this one was answered. `more` says that some of it is
        here."""
        self._received = 0
        # A request that came while its caller had to give way was no faster than others: the next one needn't again.
        self._looks = self._turn.looks
        if more or not self._waited:
            self._turn.give_way()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive as a socket does. After `FREE_BYTES` of a request, each call lets other connections have their
        turn."""
        try:
            content = self._client.recv(min(size, MOST_AT_ONCE), flags)
        except TimeoutError:  # the system has closed the connection, since earlier bytes weren't taken
            raise ConnectionResetError(errno.ECONNRESET, "the caller took no byte in time") from None
        self._waited = self._looks != self._turn.looks
        self._received += len(content)
        if self._received > FREE_BYTES:
            self._turn.give_way()
        return content

    def send(self, content: bytes, flags: int = 0) -> int:
        """Send all of it, as gunicorn expects of its only call."""
        self.sendall(content, flags)
        return len(content)

    def sendall(self, content: bytes, flags: int = 0) -> None:
        """Send all of it; raises `BrokenPipeError` when the caller has taken no byte for `send_seconds`.

        Nearly always all of it fits at once. A timer is started only where it doesn't: a send takes five microseconds,
        and a timer around it would take another one and a half.
        """
        self._give_way_after(len(content))
        sent = 0
        try:
            if not self._encrypted:
                sent = self._client.send(content, flags, 0.0)  # type: ignore[call-arg] # unknown to gevent's stubs
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
            # Without this, the kernel would keep what wasn't taken, and go on offering it.
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            raise self._taken_too_late() from None
        finally:
            self._client.settimeout(None)

    def _taken_too_late(self) -> BrokenPipeError:
        return BrokenPipeError(errno.EPIPE, f"the caller took no byte for {self._send_seconds:g} s")

    def shutdown(self, how: int) -> None:
        """Shut down as a socket does. For TLS, gevent's own method would send the rest of the answer unencrypted."""
        gevent_socket.shutdown(self._client, how)

    def linger(self, seconds: float) -> None:
        """Send no more, and throw away what comes until the caller closes the connection. Whoever calls this bounds the
        wait.

        After `DRAIN_BYTES` nothing is read for so many seconds: a caller that goes on sending finds no room, and has
        the time to read its answer.
        """
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            left = DRAIN_BYTES
            while left > 0 and (thrown_away := gevent_socket.recv(self._client, left)):
                left -= len(thrown_away)
            if left <= 0:
                gevent.sleep(seconds)
