"""This module watches over time-outs: one thread looks at all open requests many times a second.

Reads have no time-out of their own. A socket with a time-out asks the system before each read whether there is
something to read, which adds 3 µs to the 13 that reading a chunk takes. Under gevent each read would make a timer.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Protocol

from qa_service.threads import start_thread

_LINGER = 10.0


class Watched(Protocol):
    """A `Watched` is something on which a thread waits, and whose wait must end in time."""

    due: float
    """The wait must end at this moment, in seconds of `time.monotonic()`."""

    def expire(self) -> None:
        """Wake the thread that waits."""


class Watch:
    """A `Watch` calls `expire` for what is overdue, about `tick` seconds late at most.

    Its thread lives as long as there is something to watch and `linger` seconds longer, so that not every request
    starts a thread.
    """

    def __init__(self, *, tick: float, linger: float = _LINGER) -> None:
        self._tick = tick
        self._linger = linger
        self._watched: set[Watched] = set()
        self._start_over()
        os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        """Forget the thread. A process that was just forked has none, and its parent's may have held the lock.

        `Thread.is_alive` would let another greenlet run, and this lock would be held meanwhile.
        """
        self._lock = threading.Lock()
        self._runs = False

    @contextmanager
    def watching(self, one: Watched) -> Iterator[None]:
        """Watch `one` as long as the context is open."""
        with self._lock:
            if not self._runs:
                start_thread(threading.Thread(target=self._run, name="upstream-watch", daemon=True))
                self._runs = True
            self._watched.add(one)
        try:
            yield
        finally:
            self._watched.discard(one)

    def _run(self) -> None:
        ends = monotonic() + self._linger
        while True:
            sleep(self._tick)
            now = monotonic()
            with self._lock:
                watched = list(self._watched)
                if not watched and now > ends:
                    self._runs = False
                    return
            for one in watched:
                if one.due < now:
                    one.expire()
            if watched:
                ends = now + self._linger
