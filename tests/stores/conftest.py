"""This module has the stores under test, over every kind of Redis: in memory, the private Valkey, and the system's
server."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis

from qa_service.stores.redis_url import redis_pool
from tests import fakes
from tests.stores.servers import Server
from tests.stores.talking import Stores, stores_of

PROGRAM = "redis-server"


@pytest.fixture(scope="session")
def system_redis() -> Iterator[Redis]:
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed on this machine")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "redis.sock")
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
            _wait_for(path)
            yield Redis(connection_pool=redis_pool(f"unix://{path}", max_connections=20, timeout=5))
            server.terminate()


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + fakes.WAITING_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.01)
    raise AssertionError(f"{PROGRAM} doesn't listen")


@pytest.fixture(params=["memory", "private_valkey", "system_redis"])
def client(request: pytest.FixtureRequest) -> Redis:
    return fakes.client() if request.param == "memory" else _emptied(request)


@pytest.fixture(params=["private_valkey", "system_redis"])
def real(request: pytest.FixtureRequest) -> Redis:
    """Return those that are servers: what happens at once, or is counted, is theirs to show."""
    return _emptied(request)


def _emptied(request: pytest.FixtureRequest) -> Redis:
    client: Redis = request.getfixturevalue(request.param)
    client.flushall()
    return client


@pytest.fixture
def stores(client: Redis) -> Stores:
    return stores_of(client)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Give a server that is the test's alone."""
    server = Server(tmp_path, "--save", "")
    yield server
    server.end()
