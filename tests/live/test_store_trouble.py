"""A Redis in trouble: who reads where an answer is written notices nothing, all others are told at once, and what can
be saved is saved when it is back."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import Struct

from tests.lateness import Lateness
from tests.live.following import Follower
from tests.live.judging import check, check_goes_on, check_history, check_nothing_left, check_whole
from tests.live.processes import Service, children, gunicorn, listens, processes_naming, status, until
from tests.live.reading import request
from tests.live.stores import RedisServer
from tests.scripted_upstream import Script, ScriptedUpstream, pieces

AT_MOST = 1.1
"""It may take at most a second for the store, and a tenth for the rest."""
HEARTBEAT = 1.0
TROUBLE = 2.0
SHORT = Script(deltas=40, rate=25)
LONG = Script(deltas=90, rate=25)


class Trouble(Struct, frozen=True):
    """A `Trouble` says how it begins and how it ends."""

    name: str
    begin: Callable[[RedisServer], object]
    end: Callable[[RedisServer], object] = lambda _: None
    outage: bool = True
    """This says whether nothing can be written meanwhile."""
    forgets: bool = False
    """This says whether what was there is gone."""
    saves: bool = False
    """This says whether an answer can be saved all the same: that makes room before it takes any."""


def restart(redis: RedisServer) -> None:
    redis.start()


def restart_empty(redis: RedisServer) -> None:
    redis.forget()
    redis.start()


def configured(name: str, value: int | str) -> Callable[[RedisServer], object]:
    return lambda redis: redis.client.config_set(name, value)


TROUBLES = [
    Trouble("away", RedisServer.stop, restart),
    Trouble("away and empty", RedisServer.stop, restart_empty, forgets=True),
    Trouble("hung", RedisServer.freeze, RedisServer.thaw),
    Trouble("full", configured("maxmemory", 1), configured("maxmemory", 0), saves=True),
    Trouble("a replica", lambda it: it.client.replicaof("127.0.0.1", "1"), lambda it: it.client.replicaof("NO", "ONE")),
    Trouble("emptied", lambda it: it.client.flushall(), outage=False, forgets=True),
    Trouble("without scripts", lambda it: it.client.script_flush(), outage=False),
]


@pytest.fixture(scope="module")
def served(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("trouble"),
        REDIS_URL=redis.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_HEARTBEAT_SECONDS=str(HEARTBEAT),
    ) as found:
        found.until_workers(2)
        yield found


def ask(served: Service) -> tuple[int, dict[str, object], float]:
    """Ask a new question, not streamed. Return its status, what was said, and how long that took."""
    body = json.dumps({"question": "?", "stream": False}).encode()
    began = time.monotonic()
    code, said = request(served.url, "/api/ask", "POST", body=body, headers={"Content-Type": "application/json"})
    return code, said, time.monotonic() - began


def check_told(served: Service) -> None:
    """Check during an outage that each request is told so within a second, and that the process is well."""
    began, late = time.monotonic(), Lateness(*served.workers())
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: ask(served), range(8)))
    assert {(code, problem["code"]) for code, problem, _ in outcomes} == {(503, "store_unavailable")}
    assert all(problem["retryAfter"] for _, problem, _ in outcomes)
    slowest = max(took for _, _, took in outcomes)
    print(f"\nthe slowest was told after {slowest:.2f} s")
    assert slowest < AT_MOST + late.seconds
    assert status(f"{served.url}/api/healthz") == 200
    time.sleep(max(0.0, TROUBLE - (time.monotonic() - began)))


def foreign(served: Service, reader: Follower) -> Follower:
    """Return the same answer read on the worker that doesn't write it."""
    return Follower(served.url, answer_id=reader.answer_id, session_id=reader.session_id, patience=10)


@pytest.mark.parametrize("trouble", TROUBLES, ids=[trouble.name for trouble in TROUBLES])
def test_readers_notice_nothing_and_the_rest_is_told_at_once(
    served: Service, redis: RedisServer, upstream: ScriptedUpstream, trouble: Trouble
) -> None:
    upstream.responses.clear()
    readers, late = [], Lateness(*served.workers())
    for script in (SHORT, LONG):  # one ends meanwhile, the other after it
        upstream.script(script)
        readers.append(Follower(served.url, "안녕하세요?"))
        readers[-1].wait_text(2)
    short, long = readers
    elsewhere = foreign(served, long)
    elsewhere.wait_text(2)
    trouble.begin(redis)
    try:
        if trouble.outage:
            check_told(served)
    finally:
        trouble.end(redis)
        until(lambda: listens(redis.port), 5, "Redis listens")
    for reader, script in ((short, SHORT), (long, LONG)):
        check(reader.finish())
        assert (reader.status, reader.text) == ("completed", "".join(pieces(script))), reader.story()
        assert reader.silence < HEARTBEAT + late.seconds, reader.story()
        assert reader.connections == 1
    until(lambda: ask(served)[0] == 200, 5, "it answers again")
    if trouble.forgets:
        assert long.kinds("metadata")[0].content["saved"] is False
        elsewhere.leave()
    else:
        check_saved(served, short, saved=trouble.saves or not trouble.outage)
        check_whole(served, "".join(pieces(LONG)), long)
        check_whole(served, long.text, elsewhere.finish())
    check_left_in_order(served, upstream, redis, short, long)


def check_left_in_order(served: Service, upstream: ScriptedUpstream, redis: RedisServer, *readers: Follower) -> None:
    """Check that the sessions go on and nothing is left. A session is free again once its turn is saved in the store,
    which its worker tries every second."""
    until(lambda: not redis.held(), 5, "nothing is being written")
    check_goes_on(served, *readers)
    check_nothing_left(served, upstream, redis)


def check_saved(served: Service, reader: Follower, *, saved: bool) -> None:
    """Check that the answer was saved, or that its reader was told that it wasn't. By now it is."""
    assert reader.kinds("metadata")[0].content["saved"] is saved
    until(lambda: kept_status(served, reader) == "completed", 5, "what couldn't be saved is saved")
    check_history(served, reader)


def kept_status(served: Service, reader: Follower) -> str:
    """Return how the answer stands."""
    _, found = request(served.url, f"/api/answers/{reader.answer_id}")
    return str(found.get("status"))


def test_while_it_is_away_the_server_is_not_ready(served: Service, redis: RedisServer) -> None:
    redis.stop()
    try:
        assert status(f"{served.url}/api/readyz") == 503
        assert status(f"{served.url}/api/healthz") == 200
    finally:
        redis.start()
    until(lambda: status(f"{served.url}/api/readyz") == 200, 5, "it is ready again")


def test_a_private_store_that_is_killed_comes_back_with_all_it_had(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with gunicorn(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=upstream.url) as served:
        upstream.script(LONG)
        late = Lateness(*served.workers())
        reader = Follower(served.url)
        reader.wait_text(10)
        launchers = processes_naming(str(tmp_path / "data"))
        stores = [store for launcher in launchers for store in children(launcher)]
        assert len(stores) == 1
        os.kill(stores[0], signal.SIGKILL)
        check_whole(served, "".join(pieces(LONG)), reader.finish())
        assert reader.silence < HEARTBEAT + late.seconds
        check_goes_on(served, reader)
