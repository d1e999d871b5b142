"""One look at all lines, many times a second: a timer for each read would cost more than the read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Protocol

from qa_service.threads import start_thread

_TICK = 0.1
_LINGER_SECONDS = 10.0


class Watched(Protocol):
    """What must not wait forever."""

    due: float
    """`time.monotonic()` when patience ends."""

    def expire(self) -> None:
        """Wake whoever waits there."""


class Watch:
    """Expires what is overdue, a tenth of a second late at most. Its thread lives as long as there is something to
    watch, and a little longer, so that not every request starts one."""

    def __init__(self, *, linger: float = _LINGER_SECONDS) -> None:
        self._linger = linger
        self._watched: set[Watched] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, one: Watched) -> Iterator[None]:
        """While inside."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="upstream-watch", daemon=True)
                start_thread(thread)
                self._thread = thread
            self._watched.add(one)
        try:
            yield
        finally:
            self._watched.discard(one)

    def _run(self) -> None:
        ends = monotonic() + self._linger
        while True:
            sleep(_TICK)
            now = monotonic()
            with self._lock:
                watched = list(self._watched)
                if not watched and now > ends:
                    self._thread = None
                    return
            for one in watched:
                if one.due < now:
                    one.expire()
            if watched:
                ends = now + self._linger
