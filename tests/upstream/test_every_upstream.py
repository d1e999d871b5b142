"""These tests show what every `Upstream` promises, and every one that keeps answers or shows pictures."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from qa_service.deltas import Finished, Opened, TextDelta
from qa_service.errors import Cancelled, UpstreamError, UpstreamUnavailable
from qa_service.interfaces import Attaching, Seeing, Upstream
from qa_service.running.stop import StopSignal
from qa_service.storable import storable
from qa_service.upstream.models import ModelUpstream
from qa_service.upstream.offline import OfflineAnswerer
from tests.fakes import FakeUpstream, KeepingUpstream
from tests.scripted_upstream import Script, ScriptedUpstream
from tests.upstream.questions import asked, attached, responses
from tests.web.house import Model

SCRIPT = (TextDelta("Half "), TextDelta("of it."), Finished("stop"))


class UpstreamContract:
    """An `UpstreamContract` has the promises of every `Upstream`. `waiting` is one whose answer waits after its first
    words."""

    def test_the_last_piece_is_the_end(self, upstream: Upstream) -> None:
        *said, end = asked(upstream)
        assert isinstance(end, Finished)
        assert any(isinstance(delta, TextDelta) for delta in said)
        assert all(storable(delta) == delta for delta in (*said, end))

    def test_a_stop_wakes_a_read_that_waits(self, waiting: Upstream) -> None:
        stop = StopSignal()
        threading.Timer(0.1, stop.set, ("cancelled",)).start()
        with pytest.raises(Cancelled):
            asked(waiting, stop=stop)


class TestModels(UpstreamContract):
    @pytest.fixture
    def upstream(self, upstream: ModelUpstream) -> Upstream:
        return upstream

    @pytest.fixture
    def waiting(self, upstream: Upstream, server: ScriptedUpstream) -> Upstream:
        server.script(Script(fault="hang", after=10))
        return upstream


class TestStandIns(UpstreamContract):
    @pytest.fixture(params=[FakeUpstream, KeepingUpstream, Model])
    def upstream(self, request: pytest.FixtureRequest) -> Upstream:
        upstream: Upstream = request.param()
        return upstream

    @pytest.fixture
    def waiting(self, upstream: Upstream) -> Upstream:
        if isinstance(upstream, Model):
            upstream.go.clear()
            return upstream
        return type(upstream)([TextDelta("Half"), threading.Event(), Finished("stop")])


class TestOffline(UpstreamContract):
    @pytest.fixture
    def upstream(self) -> Upstream:
        return OfflineAnswerer()

    def test_a_stop_wakes_a_read_that_waits(self, upstream: Upstream) -> None:
        """Nothing waits here, so that a stop ends the answer before its next piece."""
        stop = StopSignal()
        stop.set("cancelled")
        with pytest.raises(Cancelled):
            asked(upstream, stop=stop)


class TestAttaching:
    @pytest.fixture(params=["real", "fake"])
    def keeping(self, request: pytest.FixtureRequest, server: ScriptedUpstream) -> Iterator[Attaching]:
        if request.param == "fake":
            yield KeepingUpstream(SCRIPT)
            return
        keeping: ModelUpstream = responses(server.url, background=True)
        with closing(keeping):
            yield keeping

    def test_an_answer_is_told_again_without_its_opening(self, keeping: Attaching) -> None:
        assert isinstance(keeping, Attaching)
        opened, *said = asked(keeping)
        assert isinstance(opened, Opened)
        assert attached(keeping, opened.response_id) == said

    def test_one_that_has_lost_an_answer_says_so(self, keeping: Attaching) -> None:
        if isinstance(keeping, KeepingUpstream):
            keeping.kept = [UpstreamUnavailable("no such response")]
        with pytest.raises(UpstreamError):
            attached(keeping, "r9")


class TestSeeing:
    @pytest.fixture(params=["real", "fake"])
    def seeing(self, request: pytest.FixtureRequest, server: ScriptedUpstream) -> Iterator[Seeing]:
        if request.param == "fake":
            yield FakeUpstream()
            return
        seeing: ModelUpstream = responses(server.url)
        with closing(seeing):
            yield seeing

    def test_a_model_is_taken_to_see_until_it_is_known_to_be_blind(self, seeing: Seeing) -> None:
        assert isinstance(seeing, Seeing)
        assert seeing.can_see("my-model")
        if isinstance(seeing, FakeUpstream):
            seeing.sees = False
        assert not seeing.can_see("gpt-3.5-turbo")
