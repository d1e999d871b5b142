"""This module has servers that live as long as a module's tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.live.chromium import chromium
from tests.live.processes import Service, gunicorn, newcomer
from tests.live.stores import RedisServer, redis_server
from tests.scripted_upstream import ScriptedUpstream


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a real Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def redis_url(redis: RedisServer) -> str:
    """Return the address of that Redis."""
    return redis.url


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    """Give a model's service that follows scripts."""
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture
def model(upstream: ScriptedUpstream) -> ScriptedUpstream:
    """Return the model's service with nothing of the test before."""
    upstream.requests.clear()
    upstream.closed.clear()
    upstream.responses.clear()
    return upstream


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a service that asks that model's service, for modules that need no other settings."""
    with gunicorn(
        tmp_path_factory.mktemp("served"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_TRIES="1",
    ) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a real browser."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a newcomer's server, which has no key and no Redis, and is for this machine alone."""
    with newcomer(tmp_path_factory.mktemp("serve")) as served:
        yield served.url
