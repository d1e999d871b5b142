"""This module makes pauses in long work, in which the other requests of a worker have their turn."""

import threading
import time
from functools import cache

PAUSE_SECONDS = 0.001


def give_way() -> None:
    """Let the other requests of this worker go on, whatever it runs under.

    `sleep(0)` would not do: under gevent it lets greenlets run that are ready, but none whose bytes have just come.
    Whoever gives way goes on after those who did so before. If all went on together, forty of them would hold up the
    others forty times as long as one.
    """
    with _queue():
        time.sleep(PAUSE_SECONDS)


@cache
def _queue() -> threading.Lock:
    """It is made when it is first needed, because by then gevent has patched the class if it ever will."""
    return threading.Lock()


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
