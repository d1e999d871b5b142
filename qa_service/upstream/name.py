"""Where a host's name leads."""

import socket
import threading
from concurrent.futures import Future
from time import monotonic
from typing import Any

from qa_service.threads import start_thread

_FRESH_SECONDS = 5.0


class Name:
    """Its addresses, remembered for a moment: many answers begin at once, and each look-up is a thread of the system's,
    which a busy worker lets in a few dozen times a second."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._known: list[Any] = []
        self._until = 0.0

    def addresses(self, seconds: float) -> list[Any]:
        """As `socket.getaddrinfo`, which knows no time-out: a name server that is silent holds it for half a minute.
        Raises `OSError` and, for a name that is none, `UnicodeError`."""
        if monotonic() >= self._until:
            self._known = self._look_up().result(seconds)
            self._until = monotonic() + _FRESH_SECONDS
        return self._known

    def _look_up(self) -> "Future[list[Any]]":
        found: Future[list[Any]] = Future()

        def look() -> None:
            try:
                found.set_result(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.set_exception(error)

        start_thread(threading.Thread(target=look, name="upstream-name", daemon=True))
        return found
