"""This is the program that runs the private server of a data folder for as long as somebody uses it.

`server` runs this file by its path, without importing the package, so that it starts fast:

    launcher.py USERS LINGER SOCKET SIGNAL USER SERVER [ARGUMENT…]

SIGNAL is the number of the signal that stops the server, and USER the number of the user that it runs as, or `-` for
the launcher's own.

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
from typing import IO, NamedTuple, NoReturn

PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8)
"""The launcher waits this many seconds before each start of a server. After each server that has died young it
takes the next pause, and it gives up when a server dies young after the last one."""
YOUNG = 2.0
"""A server that dies within this many seconds of its start has died young."""
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


class Server(NamedTuple):
    """A `Server` says how the server is run and stopped. `socket` is the path on which it listens."""

    command: Sequence[str]
    socket: str
    stop: int = signal.SIGTERM
    user: int | None = None


class Users:
    """`Users` finds out whether anybody still uses the server. Each user holds a shared lock on one file."""

    def __init__(self, file: IO[bytes], linger: float) -> None:
        self.tick = min(1.0, linger / 2)
        self._file = file
        self._linger = linger
        self._seen = time.monotonic()

    def gone(self) -> bool:
        """Return whether nobody has used the server for `linger` seconds. If so, the file stays locked, and nobody can
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
    """Run the server until nobody uses it any more, or until it can't be kept alive."""
    users, linger, socket, stop, user, *command = arguments
    signal.signal(signal.SIGTERM, _leave)
    server = Server(command, socket, int(stop), None if user == "-" else int(user))
    with open(users, "ab") as file:
        keep_server(server, Users(file, float(linger)))


def keep_server(server: Server, users: Users, *, pauses: Sequence[float] = PAUSES) -> None:
    """Start the server, and start it again whenever it dies. When its users have gone, delete the socket's folder.

    Before the first start and after a server that has lived long enough, the first of `pauses` is waited for. After
    each server that has died young, the next one is waited for. When a server dies young after the last one, the
    launcher gives up.
    """
    deaths = 0
    while deaths < len(pauses):
        time.sleep(pauses[deaths])
        began = time.monotonic()
        if run_server(server, users):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(server.socket))
            return
        deaths = deaths + 1 if time.monotonic() - began < YOUNG else 0


def run_server(server: Server, users: Users) -> bool:
    """Run the server once. Returns True if it was stopped because its users have gone, and False if it died.

    If somebody deletes the server's socket, nobody can reach it any more. It is then stopped, and counts as dead.
    """
    reachable = False
    with _started(server) as process:
        try:
            while not users.gone():
                if _ended(process, users.tick) or (reachable and not os.path.exists(server.socket)):
                    return False
                reachable = reachable or os.path.exists(server.socket)
            return True
        finally:
            _stop(process, server.stop)


def _started(server: Server) -> subprocess.Popen[bytes]:
    # The user is changed before `die_with` is called, since a change of the user makes the kernel forget its wish.
    return subprocess.Popen(
        server.command,
        env={},
        user=server.user,
        group=server.user,
        extra_groups=None if server.user is None else [],
        preexec_fn=functools.partial(die_with, os.getpid()),
    )


def _ended(server: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    if not _ended(process, STOP_SECONDS):
        process.kill()


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
