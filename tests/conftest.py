"""What tests of several parts share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qa_service.stores.embedded import embedded_pool, socket_path
from tests.lives import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store and workers that wait for nothing long; all of them end with the test."""
    world = World(tmp_path / "workers")
    yield world
    world.close()


@pytest.fixture(scope="session")
def private_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A private Valkey that all tests share; each empties it for itself."""
    folder = tmp_path_factory.mktemp("embedded") / "qa"
    yield Redis.from_pool(embedded_pool(folder, max_connections=20, timeout=5, linger=0.2))
    shutil.rmtree(socket_path(folder).parent)
