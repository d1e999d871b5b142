"""The program that runs the private Valkey of a data folder for as long as somebody uses it.

`embedded` runs this file by its path, without the package and its imports, so that it is up in a moment:

    launcher.py USERS LINGER SOCKET SERVER [ARGUMENT…]

Its standard input is the data folder's lock. The server inherits it, so the lock is free again only when both
are gone: never do two servers write the same files. It ends when nobody has held the file USERS for
LINGER seconds; it then holds that file itself until the server has stopped, and who comes meanwhile waits.
"""

import contextlib
import ctypes
import fcntl
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, NoReturn

PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8)
"""Seconds before a server is started again that died young so many times in a row; then we give up."""
YOUNG = 2.0
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


class Users:
    """Whether anybody still uses the store: each user holds a shared lock on one file."""

    def __init__(self, file: IO[bytes], linger: float) -> None:
        self.tick = min(1.0, linger / 2)
        self._file = file
        self._linger = linger
        self._seen = time.monotonic()

    def gone(self) -> bool:
        """True when there was none for `linger` seconds; from then on nobody can become one."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._seen = time.monotonic()
            return False
        if time.monotonic() - self._seen >= self._linger:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False


def main(arguments: Sequence[str]) -> None:
    """Returns when nobody uses the store any more, or when the server can't be kept alive."""
    users, linger, socket, *command = arguments
    signal.signal(signal.SIGTERM, _leave)
    with open(users, "ab") as file:
        keep(command, Users(file, float(linger)), socket)


def keep(command: Sequence[str], users: Users, socket: str) -> None:
    """Start the server again whenever it dies; leave no socket's folder behind when its users have gone."""
    deaths = 0
    while deaths < len(PAUSES):
        time.sleep(PAUSES[deaths])
        began = time.monotonic()
        if attend(command, users, socket):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(socket))
            return
        deaths = deaths + 1 if time.monotonic() - began < YOUNG else 0


def attend(command: Sequence[str], users: Users, socket: str) -> bool:
    """Run the server once: True when it was stopped because its users have gone, False when it died.

    A server whose socket somebody deleted can't be reached by anybody, and counts as dead.
    """
    reachable = False
    die_with_us = functools.partial(die_with, os.getpid())
    with subprocess.Popen(command, env={}, preexec_fn=die_with_us) as server:  # noqa: S603  # what `embedded` chose
        try:
            while not users.gone():
                if _ended(server, users.tick) or (reachable and not os.path.exists(socket)):
                    return False
                reachable = reachable or os.path.exists(socket)
            return True
        finally:
            _stop(server)


def _ended(server: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    if not _ended(server, STOP_SECONDS):
        server.kill()


def die_with(launcher: int) -> None:
    """Runs in the server before it is one: no orphan stays when the launcher is killed. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        os._exit(1)


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


# Whoever started us waits for the first of these two only, and never has a dead child to bury.
if __name__ == "__main__" and os.fork() == 0:
    main(sys.argv[1:])
