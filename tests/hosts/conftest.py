"""This module has one service for all hosts of a run, and the model's service that it asks."""

from collections.abc import Iterator

import pytest

from tests.hosts.host import HEARTBEAT, KEY, PERSONAL
from tests.hosts.tapped import Tapped
from tests.live.conftest import browser, model
from tests.live.processes import Service, gunicorn
from tests.scripted_upstream import ScriptedUpstream

__all__ = ["browser", "model"]


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    """Give a model's service that follows scripts."""
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture(scope="session")
def served(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give the service. It knows two keys, believes one proxy, and lets nobody ask without a credential."""
    with gunicorn(
        tmp_path_factory.mktemp("served"),
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_API_KEYS=f"site:{KEY},me:{PERSONAL}:personal",
        QA_ALLOW_ANONYMOUS="off",
        QA_TRUSTED_PROXIES="1",
        QA_HEARTBEAT_SECONDS=str(HEARTBEAT),
        WEB_CONCURRENCY="1",
    ) as found:
        yield found


@pytest.fixture(scope="module")
def tapped(served: Service) -> Iterator[Tapped]:
    """Give a way to the service on which a test can listen, and which it can cut."""
    with Tapped(served.port) as cable:
        yield cable
