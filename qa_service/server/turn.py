"""This module makes connections that read much give way to the worker's other connections."""

import time
from collections import deque

import gevent
from gevent.event import Event

SLICE_SECONDS = 0.005
"""All reading connections together may compute for this long between two looks of the worker at its connections."""
_PAUSE_SECONDS = 0.001


class ReadingTurn:
    """A `ReadingTurn` measures the time that reading connections use between two looks of the worker at its
    connections.

    A *look* is one round of the event loop, in which it finds out which connections have something to do. All
    connections of a worker share one `ReadingTurn`: if each had a slice of its own, fifty callers would take fifty
    slices. Connections that gave way go on one after another, in the order in which they came.
    """

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        self._queue: deque[Event] = deque()
        self._look = -1
        self._since = 0.0

    def give_way(self) -> None:
        """Wait until the worker has looked at all its connections, if the reading ones have used up their time.

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
                gevent.sleep(_PAUSE_SECONDS)
        finally:
            self._queue.remove(first)
            if self._queue:
                self._queue[0].set()

    @property
    def looks(self) -> int:
        """Return how often the worker has looked at its connections. Who sees the same number twice hasn't waited in
        between."""
        return self._loop.iteration

    def _is_over(self) -> bool:
        if self._look != self.looks:
            self._look = self.looks
            self._since = time.monotonic()
        return time.monotonic() - self._since > SLICE_SECONDS
