"""This module has servers of their own for tests that stop, kill, fill or forbid something."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

from qa_service.stores.embedded import find_server

WAITING_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soon(true: Callable[[], object]) -> float:
    """Return the seconds that it took to become true. Redis's own errors count as not yet."""
    began = time.monotonic()
    while time.monotonic() - began < WAITING_SECONDS:
        with suppress(redis.RedisError):
            if true():
                return time.monotonic() - began
        time.sleep(0.005)
    raise AssertionError("it didn't come true in time")


class Server:
    """A `Server` is one process on a port of its own, which a test may stop, kill and start again; `client` sees it
    directly."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._command = [find_server(), *options, "--port", str(self.port), "--dir", str(folder)]
        self.client = redis.Redis(port=self.port, socket_timeout=1)
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        soon(self.client.ping)
        self.client.close()

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def role(self) -> str:
        return str(self.client.info("replication")["role"])

    def end(self) -> None:
        self.client.close()
        self.child.kill()
        self.child.wait()
