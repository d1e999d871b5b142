"""Four workers that share everything: stopping from any of them, repeated questions, busy sessions, and room."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lateness import Lateness
from tests.live.following import Follower
from tests.live.judging import check, check_goes_on, check_history, check_nothing_left, check_whole, kept, until_kept
from tests.live.processes import Service, gunicorn, status, until
from tests.live.reading import Asked, own_id
from tests.live.stores import RedisServer
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

WORKERS = 4
SLOW = Script(deltas=400, rate=20)
MEDIUM = Script(deltas=40, rate=20)
CANCELS = 4


@pytest.fixture(scope="module")
def served(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("sharing"),
        WEB_CONCURRENCY=str(WORKERS),
        REDIS_URL=redis.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
    ) as found:
        found.until_workers(WORKERS)
        yield found


@pytest.fixture
def ways(served: Service) -> Iterator[dict[int, http.client.HTTPConnection]]:
    """Give a connection to each worker."""
    found = served.connections()
    yield found
    for way in found.values():
        way.close()


@pytest.fixture(autouse=True)
def nothing_left(
    served: Service, model: ScriptedUpstream, redis: RedisServer, ways: dict[int, http.client.HTTPConnection]
) -> Iterator[None]:
    """Check after each test that nothing is left of it."""
    yield
    for way in ways.values():
        way.close()
    check_nothing_left(served, model, redis)


def call(way: http.client.HTTPConnection, path: str, **fields: str) -> tuple[int, dict[str, object]]:
    """Send a POST over a connection that is kept."""
    way.request("POST", path, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    response = way.getresponse()
    return response.status, json.loads(response.read())


class TestCancel:
    @pytest.mark.parametrize(("elsewhere", "within"), [(False, 0.1), (True, 1.0)], ids=["here", "elsewhere"])
    def test_closes_upstream_and_keeps_the_text(
        self,
        served: Service,
        model: ScriptedUpstream,
        redis: RedisServer,
        ways: dict[int, http.client.HTTPConnection],
        elsewhere: bool,
        within: float,
    ) -> None:
        took: list[float] = []
        readers: list[Follower] = []
        for _ in range(CANCELS):
            model.script(SLOW)
            reader = Follower(served.url)
            reader.wait_text(3)
            here = served.process_of(redis.writer(reader.answer_id))
            way = next(way for worker, way in ways.items() if (worker != here) is elsewhere)
            began, late = time.monotonic(), Lateness(*served.workers(), redis.pid)
            answers: list[tuple[int, dict[str, object]]] = []
            path = f"/api/answers/{reader.answer_id}/cancel"
            asking = threading.Thread(target=lambda way=way, path=path, to=answers: to.append(call(way, path)))
            asking.start()
            assert model.wait_closed(SOON, len(took) + 1)
            took.append(model.closed[-1] - began)
            assert took[-1] < within + late.seconds
            asking.join(5)
            code, answer_now = answers[0]
            check(reader.finish())
            assert (code, answer_now["status"], answer_now["text"]) == (200, "cancelled", reader.text)
            assert call(way, path) == (200, answer_now)
            check_history(served, reader)
            readers.append(reader)
        print(f"\nupstream closed after {[round(one * 1000) for one in took]} ms")
        metadata = readers[0].kinds("metadata")[0].content
        assert metadata["usage"]["estimated"]
        assert metadata["usage"]["output"] > 0
        check_goes_on(served, *readers[:3])

    def test_from_all_workers_at_once_is_once(
        self, served: Service, model: ScriptedUpstream, ways: dict[int, http.client.HTTPConnection]
    ) -> None:
        model.script(SLOW)
        reader = Follower(served.url)
        reader.wait_text(3)
        path = f"/api/answers/{reader.answer_id}/cancel"
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(pool.map(lambda way: call(way, path), ways.values()))
        assert reader.finish().status == "cancelled"
        assert outcomes == [(200, kept(served, reader.answer_id))] * WORKERS
        assert len(model.closed) == 1


class TestRepeated:
    def test_question_asked_ten_times_at_once_is_one(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(MEDIUM)
        asks = {"session_id": own_id(), "idempotencyKey": uuid.uuid4().hex}
        readers = [Follower(served.url, "환불 규정은?", **asks) for _ in range(10)]
        for reader in readers:
            check_whole(served, "".join(pieces(MEDIUM)), reader.finish())
        assert len(model.requests) == 1
        assert len({reader.answer_id for reader in readers}) == 1
        frames = [[seen.frame for seen in reader.seen] for reader in readers]
        assert frames == [frames[0]] * 10

    def test_after_its_end_costs_nothing(self, served: Service, model: ScriptedUpstream) -> None:
        asks = {"session_id": own_id(), "idempotencyKey": uuid.uuid4().hex}
        first, second = (Follower(served.url, "How long does it take?", **asks).finish() for _ in range(2))
        assert [seen.frame for seen in second.seen] == [seen.frame for seen in first.seen]
        assert len(model.requests) == 1


class TestBusy:
    def test_session_is_replaced_by_the_last_of_four(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(Script(deltas=400, rate=20, times=3), MEDIUM)
        session, readers = own_id(), []
        for number in range(4):
            readers.append(Follower(served.url, f"질문 {number}", session_id=session, topic="keep"))
            assert model.wait_requests(SOON, number + 1)
            readers[-1].wait_text(2)
        for reader in readers[:3]:
            assert reader.finish().status == "cancelled"
            check_history(served, reader)
        check_whole(served, "".join(pieces(MEDIUM)), readers[3].finish())
        assert model.wait_closed(SOON, 3)

    def test_session_rejects_from_every_worker(
        self, served: Service, model: ScriptedUpstream, ways: dict[int, http.client.HTTPConnection]
    ) -> None:
        model.script(MEDIUM)
        reader = Follower(served.url)
        reader.wait_text(2)
        asks = {"question": "또?", "sessionId": reader.session_id, "onBusy": "reject"}
        for way in ways.values():
            code, problem = call(way, "/api/ask", **asks)
            assert (code, problem["code"], problem["answerId"]) == (409, "busy", reader.answer_id)
        check_whole(served, "".join(pieces(MEDIUM)), reader.finish())
        check_goes_on(served, reader)


@pytest.fixture(scope="module")
def small(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Give one worker that answers two at a time."""
    settings = {"WEB_CONCURRENCY": "1", "QA_MAX_ANSWERS": "2", "REDIS_URL": redis.url}
    model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    with gunicorn(tmp_path_factory.mktemp("small"), **settings, **model) as found:
        yield found


class TestRoom:
    def test_for_two_refuses_the_third_at_once(self, small: Service, model: ScriptedUpstream) -> None:
        model.script(Script(deltas=120, rate=20, times=2))
        readers = [Follower(small.url) for _ in range(2)]
        for reader in readers:
            reader.wait_text(1)
        began, late = time.monotonic(), Lateness(*small.workers())
        with Asked(small.url, "?") as third:
            assert third.response.status == 503
            assert int(third.response.headers["Retry-After"]) > 0
            assert third.problem()["code"] == "overloaded"
        assert status(f"{small.url}/api/healthz") == 200
        assert time.monotonic() - began < 1 + late.seconds
        for reader in readers:
            check_whole(small, "".join(pieces(Script(deltas=120))), reader.finish())
        assert Follower(small.url).finish().status == "completed"

    def test_is_left_for_health_checks_by_those_who_only_keep_a_connection(self, small: Service) -> None:
        idle = []
        for _ in range(700):
            way = http.client.HTTPConnection("127.0.0.1", small.port, timeout=10)
            way.connect()
            idle.append(way)
        try:
            began, late = time.monotonic(), Lateness(*small.workers())
            assert status(f"{small.url}/api/healthz") == 200
            assert Follower(small.url).finish().status == "completed"
            assert time.monotonic() - began < 2 + late.seconds
        finally:
            for way in idle:
                way.close()


def test_answers_are_told_as_they_stand_from_every_worker(
    served: Service, model: ScriptedUpstream, ways: dict[int, http.client.HTTPConnection]
) -> None:
    model.script(MEDIUM)
    reader = Follower(served.url)
    reader.wait_text(10)
    for way in ways.values():
        way.request("GET", f"/api/answers/{reader.answer_id}")
        found = json.loads(way.getresponse().read())
        assert found["status"] == "running"
        assert "".join(pieces(MEDIUM)).startswith(found["text"])
    until(lambda: len(str(kept(served, reader.answer_id)["text"])) >= 10, 1, "its text is known")
    reader.finish()
    assert until_kept(served, reader.answer_id)["text"] == "".join(pieces(MEDIUM))
