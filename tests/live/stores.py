"""This module has a real Redis for the live tests: stopped, frozen, started again with or without what it knew, and
looked into."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis

from tests.live.processes import START_SECONDS, Service, clean_environment, free_port, gunicorn, listens, program, until


class RedisServer:
    """A `RedisServer` is Debian's Redis on a port that stays its own; what it has answered survives its death."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis(port=self.port, socket_timeout=5)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        kept = ["--dir", str(self.folder), "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", *kept]
        with (self.folder / "redis.log").open("ab") as log:
            environment = clean_environment({})
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        until(lambda: listens(self.port), START_SECONDS, "Redis listens")

    @property
    def pid(self) -> int:
        """Return the id of the server's process, which must have been started."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Stop the server as a power cut does."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Delete what is on the disk. The server must be stopped."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def freeze(self) -> None:
        """Let the server hang: connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def writer(self, answer_id: str) -> str:
        """Return the name that the worker which holds this answer has in Redis. It is empty when none holds it."""
        for key in self.client.scan_iter("qa:{workers}:*:holds"):
            if self.client.hexists(key, answer_id):
                return str(key.decode().split(":")[2])
        return ""

    def endless(self) -> list[str]:
        """Return the keys that would stay for ever."""
        return [key.decode() for key in self.client.scan_iter(count=1000) if self.client.ttl(key) == -1]

    def held(self) -> list[str]:
        """Return the answers that some worker says it writes, or that a session says are written."""
        keys = [*self.client.scan_iter("qa:{workers}:*:holds"), *self.client.scan_iter("qa:*:running", count=1000)]
        return [answer.decode() for key in keys for answer in self.client.hkeys(key)]

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Give a Redis that runs until the end of the `with`."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.thaw()
        server.client.close()
        server.stop()


@contextmanager
def service_with_redis(folder: Path, model: str, **settings: str) -> Iterator[tuple[Service, RedisServer]]:
    """Give a service that asks the model at this address, and the Redis of its own in which it keeps everything."""
    settings = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{model}/v1", **settings}
    with redis_server(folder) as redis, gunicorn(folder, REDIS_URL=redis.url, **settings) as served:
        yield served, redis
