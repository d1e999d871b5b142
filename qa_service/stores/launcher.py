"""The program that runs the private Valkey of a data folder for as long as somebody uses it.

`embedded` runs this file by its path, without the package and its imports, so that it is up in a moment:

    launcher.py USERS LINGER SOCKET SERVER [ARGUMENT…]

The launcher's standard input is the data folder's lock. The server inherits it, so the lock is free again only when
both are gone, and two servers never write the same files. The launcher ends when nobody has held the file USERS for
LINGER seconds. It then holds that file itself until the server has stopped, so that whoever comes meanwhile waits.
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
"""Seconds before each start of a server that died young every time before; then the launcher gives up."""
YOUNG = 2.0
"""A server that dies within so many seconds of its start has died young."""
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
        """Whether nobody has used the store for `linger` seconds; from then on nobody can become a user."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._seen = time.monotonic()
            return False
        if time.monotonic() - self._seen >= self._linger:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False


def launch(arguments: Sequence[str]) -> None:
    """Run the server until nobody uses the store any more, or until the server can't be kept alive."""
    users, linger, socket, *command = arguments
    signal.signal(signal.SIGTERM, _leave)
    with open(users, "ab") as file:
        keep_server(command, Users(file, float(linger)), socket)


def keep_server(command: Sequence[str], users: Users, socket: str, *, pauses: Sequence[float] = PAUSES) -> None:
    """Start the server again whenever it dies, and leave no socket's folder behind when its users have gone.

    `pauses` are the seconds before each start of a server that died young, the first one included. Behind the last one
    the launcher gives up.
    """
    deaths = 0
    while deaths < len(pauses):
        time.sleep(pauses[deaths])
        began = time.monotonic()
        if run_server(command, users, socket):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(socket))
            return
        deaths = deaths + 1 if time.monotonic() - began < YOUNG else 0


def run_server(command: Sequence[str], users: Users, socket: str) -> bool:
    """Run the server once. Returns True when it was stopped because its users have gone, and False when it died.

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
    """Runs in the new process before it becomes the server: a server doesn't outlive a launcher that is killed.
    Only Linux can do this; elsewhere the server stays."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        os._exit(1)


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


# The process that started this one waits only until the fork has been made, and has no dead child to bury later.
if __name__ == "__main__" and os.fork() == 0:
    launch(sys.argv[1:])
