"""A scripted server, and an upstream that asks it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from qa_service.upstream.responses import ResponsesUpstream
from tests.scripted_upstream import ScriptedUpstream
from tests.upstream.questions import responses


@pytest.fixture
def server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(server) -> Iterator[ResponsesUpstream]:
    with closing(responses(server.url)) as asking:
        yield asking
