"""This module has a scripted server, an upstream that asks it, and a meter. What both protocols promise is tested
with both."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from qa_service.upstream.models import ModelUpstream
from tests.fakes import FakeMeter
from tests.scripted_upstream import ScriptedUpstream
from tests.upstream.questions import SPEAKING


@pytest.fixture
def server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def meter() -> FakeMeter:
    return FakeMeter()


@pytest.fixture(params=SPEAKING)
def speaking(request) -> Callable[..., ModelUpstream]:
    """Make an upstream that speaks one of the protocols."""
    return SPEAKING[request.param]


@pytest.fixture
def upstream(server, speaking) -> Iterator[ModelUpstream]:
    with closing(speaking(server.url)) as asking:
        yield asking
