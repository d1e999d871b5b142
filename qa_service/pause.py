"""A pause in long work, in which the other requests of a worker have their turn."""

import time

PAUSE_SECONDS = 0.001


def give_way() -> None:
    """Let the other requests of this worker go on, whatever it runs under.

    `sleep(0)` would not do: under gevent it lets greenlets run that are ready, but none whose bytes have just come.
    """
    time.sleep(PAUSE_SECONDS)
