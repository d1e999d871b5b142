"""This module lets connections that read much share a worker's time with all others."""

import time
from collections import deque

import gevent
from gevent.event import Event

SLICE_SECONDS = 0.005
"""Connections that read may compute together for so long between two looks of the worker at all connections."""
PAUSE_SECONDS = 0.001


class ReadingTurn:
    """Measures the time that reading connections use between two looks of the worker at all its connections.

    All connections of a worker share one object: if each had a slice of its own, fifty callers would take fifty slices.
    Those that gave way go on one after another, in the order in which they came.
    """

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        self._queue: deque[Event] = deque()
        self._look = -1
        self._since = 0.0

    def give_way(self) -> None:
        """Let the worker look at all its connections first, if this turn is over.

        `sleep(0)` would not do: gevent runs up to fifty greenlets that are ready before it looks at any connection.
        """
        if not self._queue and not self._is_over():
            return
        first = Event()
        self._queue.append(first)
        try:
            if self._queue[0] is not first:
                first.wait()
            while self._is_over():
                gevent.sleep(PAUSE_SECONDS)
        finally:
            self._queue.remove(first)
            if self._queue:
                self._queue[0].set()

    @property
    def looks(self) -> int:
        """How often the worker has looked at its connections. Whoever sees the same number twice hasn't waited."""
        return self._loop.iteration

    def _is_over(self) -> bool:
        if self._look != self.looks:
            self._look = self.looks
            self._since = time.monotonic()
        return time.monotonic() - self._since > SLICE_SECONDS
