"""This module has servers of their own for tests that stop, kill, fill or forbid something."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

from qa_service.stores.embedded import find_server
from tests.live.processes import free_port, until

WAITING_SECONDS = 7.0


def until_served(true: Callable[[], object], what: str) -> float:
    """Wait until something holds of a server, whose errors count as not yet. Return how long it took."""

    def holds() -> object:
        with suppress(redis.RedisError):
            return true()
        return False

    return until(holds, WAITING_SECONDS, what)


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
        until_served(self.client.ping, "the server answers")
        self.client.close()

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def role(self) -> str:
        return str(self.client.info("replication")["role"])

    def end(self) -> None:
        self.client.close()
        self.child.kill()
        self.child.wait()
