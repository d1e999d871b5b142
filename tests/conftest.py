"""What tests of several parts share."""

import shutil
import threading
import time
from collections.abc import Iterator

import pytest
from redis import Redis

import qa_service.running
from qa_service.stores.embedded import embedded_pool, socket_path
from tests.fakes import WAITING_SECONDS


@pytest.fixture
def no_threads_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test, every thread that it started must end by itself; the keeper lingers a shorter time."""
    monkeypatch.setattr(qa_service.running, "LINGER_SECONDS", 0.2)
    monkeypatch.setattr(qa_service.running, "TICK_SECONDS", 0.05)
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + WAITING_SECONDS
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0, deadline - time.monotonic()))
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def private_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A private Valkey that all tests share; each empties it for itself."""
    folder = tmp_path_factory.mktemp("embedded") / "qa"
    yield Redis.from_pool(embedded_pool(folder, max_connections=20, timeout=5, linger=0.2))
    shutil.rmtree(socket_path(folder).parent)
