"""This module has a process that has imported all that gunicorn and the service need, and forks into servers, which so
start with a fifth of the work.

From the fork on a server does what the command `gunicorn` does: it reads its arguments, its configuration and its
settings, and starts its workers. Tests of the start itself run the command.
"""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.02
LONGEST = 1 << 17
"""An order has at most this many bytes, because an environment may be long."""


class ForkServer:
    """A `ForkServer` is the process as the tests see it. Each process of a parallel run has one of its own."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__], cwd=ROOT, stdin=theirs, start_new_session=True
            )

    def order(self, **order: object) -> Any:
        """Give an order, and return the reply to it."""
        with self._one_at_a_time:
            self._ours.sendall(json.dumps(order).encode())
            return json.loads(self._ours.recv(LONGEST))

    def close(self) -> None:
        """End the process. Servers that it has become go on."""
        self._ours.close()
        self._process.wait()


class ForkedServer:
    """A `ForkedServer` is a server that runs, with those methods of a `Popen` that tests use."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the status that it ended with. It is None while it runs, and a negative number after a signal."""
        if self._status is None:
            self._status = self._server.order(poll=self.pid)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its status."""
        deadline = time.monotonic() + (timeout or float("inf"))
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(LOOK_SECONDS)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


@functools.cache
def fork_server() -> ForkServer:
    """Return the one of this process, which ends with it."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def fork_gunicorn(arguments: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str]) -> ForkedServer:
    """Start gunicorn with these arguments, in a session of its own. What it prints is in `log`."""
    server = fork_server()
    order = {"arguments": list(arguments), "cwd": str(cwd), "log": str(log), "env": dict(env)}
    return ForkedServer(server, server.order(**order))


def serve_orders() -> None:
    """Become a server for each order that asks for one, and tell for each other order how that server ended."""
    from gevent.monkey import get_original, patch_all

    # The configuration of gunicorn does the same before it imports anything of the service.
    patch_all()
    # This process must wait and fork without gevent, whose hub would otherwise go along into each server.
    fork, waitpid, original_socket = (
        get_original(*place) for place in (("os", "fork"), ("os", "waitpid"), ("socket", "socket"))
    )
    import_service()
    with original_socket(fileno=0) as orders:
        while received := orders.recv(LONGEST):
            order = json.loads(received)
            if "poll" in order:
                reply = _status(*waitpid(order["poll"], os.WNOHANG))
            elif (reply := fork()) == 0:
                become_gunicorn(**order)
            orders.sendall(json.dumps(reply).encode())


def import_service() -> None:
    """Import what a server imports, without anything that depends on its settings."""
    # The Prometheus library reads the variable when it is imported, and the folder when it first counts something.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.devnull
    import gc

    import qa_service.server.master
    import qa_service.server.tls
    import qa_service.server.worker
    import qa_service.servers  # noqa: F401 - it is imported for the servers

    gc.collect()
    gc.freeze()


def become_gunicorn(arguments: Sequence[str], cwd: str, log: str, env: Mapping[str, str]) -> NoReturn:
    """Make this process gunicorn, as if the shell had started it there, with these variables."""
    from gunicorn.app.wsgiapp import run

    os.setsid()
    with open(os.devnull, "rb") as nothing, open(log, "wb") as output:
        for file, descriptor in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(file.fileno(), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["gunicorn", *arguments]
    sys.path[:] = [*filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *sys.path[1:]]
    sys.exit(run())


def _status(pid: int, status: int) -> int | None:
    return os.waitstatus_to_exitcode(status) if pid else None


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve_orders()
