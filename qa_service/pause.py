"""This module makes pauses in long work, in which the other requests of a worker have their turn, and chooses pauses
between tries."""

import random
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

_PAUSE_SECONDS = 0.001
ITEMS_PER_STEP = 1000
"""A step of work on items, such as the frames of an answer, is on this many at most."""

T = TypeVar("T")


def give_way() -> None:
    """Let the other requests of this worker go on, whether it runs under gevent or under threads.

    `sleep(0)` would not do: under gevent it lets greenlets run that are ready, but none whose bytes have just come.
    Whoever gives way goes on after those who did so before. If all went on together, forty of them would hold up the
    others forty times as long as one.
    """
    with _line().take_place():
        time.sleep(_PAUSE_SECONDS)


def give_way_for(items: int) -> None:
    """Give way where work on so many items begins that it may take long. Where many readers wake at the same moment,
    they do their work one after another, and others have their turn in between."""
    if items > ITEMS_PER_STEP:
        give_way()


def with_pauses(items: Sequence[T]) -> Iterator[T]:
    """Give the items one by one, with pauses before and between where they are many."""
    give_way_for(len(items))
    work = LongWork()
    for begin in range(0, len(items), ITEMS_PER_STEP):
        yield from items[begin : begin + ITEMS_PER_STEP]
        work.end_step()


def spread_pause(seconds: float) -> float:
    """Return a pause between three quarters of these seconds and all of them, so that not all who failed at the same
    moment try again at the same moment."""
    return seconds * random.uniform(0.75, 1)  # noqa: S311 - it spreads, it hides nothing


class WaitingLine:
    """A `WaitingLine` lets one at a time in, in the order in which they came.

    A lock doesn't do that: whoever releases it and comes back at once takes it again, before those who wait have
    noticed. Where a hundred answers read pictures at once, some waited for more than a minute.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def take_place(self) -> Iterator[None]:
        """Wait for the turn, and have it within the context."""
        my_turn = threading.Lock()
        my_turn.acquire()
        with self._lock:
            if self._is_taken:
                self._waiting.append(my_turn)
            else:
                self._is_taken = True
                my_turn.release()
        try:
            my_turn.acquire()
            yield
        finally:
            self._leave(my_turn)

    def _leave(self, my_turn: threading.Lock) -> None:
        with self._lock:
            if my_turn in self._waiting:  # An exception has ended the wait.
                self._waiting.remove(my_turn)
            elif self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


@cache
def _line() -> WaitingLine:
    """The line is made when it is first needed, because by then gevent has patched the locks if it ever will."""
    return WaitingLine()


class LongWork:
    """A `LongWork` is work in many steps. It gives way whenever it has taken `seconds` without a pause."""

    def __init__(self, seconds: float = 0.005) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def end_step(self) -> None:
        """Give way if the work has taken `seconds` since its last pause."""
        if time.monotonic() > self._until:
            give_way()
            self._until = time.monotonic() + self._seconds
