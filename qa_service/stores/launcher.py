"""This is the program that runs the private Valkey of a data folder for as long as somebody uses it.

`embedded` runs this file by its path, without importing the package, so that it starts fast:

    launcher.py USERS LINGER SOCKET SERVER [ARGUMENT…]

The launcher's standard input is the data folder's lock file. The server inherits it, so the lock is free again only
when both have ended, and two servers never write the same files. The launcher ends when nobody has locked the file
USERS for LINGER seconds. It then locks that file itself until the server has stopped, so that a new user waits for
that.
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
"""The launcher waits so many seconds before each start of a server. After each server that has died young it
takes the next pause, and it gives up when a server dies young after the last one."""
YOUNG = 2.0
"""A server that dies within so many seconds of its start has died young."""
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


class Users:
    """`Users` finds out whether anybody still uses the store. Each user holds a shared lock on one file."""

    def __init__(self, file: IO[bytes], linger: float) -> None:
        self.tick = min(1.0, linger / 2)
        self._file = file
        self._linger = linger
        self._seen = time.monotonic()

    def gone(self) -> bool:
        """Return whether nobody has used the store for `linger` seconds. If so, the file stays locked, and nobody can
        become a user any more."""
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
    """Start the server, and start it again whenever it dies. When its users have gone, delete the socket's folder.

    Before the first start and after a server that has lived long enough, the first of `pauses` is waited for. After
    each server that has died young, the next one is waited for. When a server dies young after the last one, the
    launcher gives up.
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
    """Run the server once. Returns True if it was stopped because its users have gone, and False if it died.

    If somebody deletes the server's socket, nobody can reach it any more. It is then stopped, and counts as dead.
    """
    reachable = False
    die_with_us = functools.partial(die_with, os.getpid())
    with subprocess.Popen(command, env={}, preexec_fn=die_with_us) as server:  # noqa: S603  # `embedded` chose it
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
    """Make the server end if its launcher is killed. The new process calls this before it becomes the server.

    Only Linux can do this. On other systems the server goes on, and keeps the lock.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        os._exit(1)


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


# The process that started this one waits only until the fork is made. The launcher isn't its child, so that nobody has
# to wait for the launcher's end.
if __name__ == "__main__" and os.fork() == 0:
    launch(sys.argv[1:])
