"""A Redis that is down or hung: what it may cost a request, and that all is well when it is back."""

import json
import signal
import time
from collections.abc import Iterator
from subprocess import Popen

import pytest

from tests.live.processes import Service, gunicorn, redis_server, status, until
from tests.live.reading import request
from tests.scripted_upstream import ScriptedUpstream

ABOUT_A_SECOND = 1.5


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Popen[bytes]]]:
    with redis_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture(scope="module")
def served(
    redis: tuple[str, Popen[bytes]], upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("trouble"), REDIS_URL=redis[0], OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=upstream.url
    ) as found:
        yield found


def ask(served: Service) -> tuple[int, dict[str, object], float]:
    body = json.dumps({"question": "?", "stream": False}).encode()
    began = time.monotonic()
    code, said = request(served.url, "/api/ask", "POST", body=body, headers={"Content-Type": "application/json"})
    return code, said, time.monotonic() - began


def test_hung_costs_a_request_about_a_second_and_is_said(served: Service, redis: tuple[str, Popen[bytes]]) -> None:
    assert ask(served)[0] == 200
    redis[1].send_signal(signal.SIGSTOP)
    try:
        outcomes = [ask(served) for _ in range(4)]
        assert status(f"{served.url}/api/readyz") == 503
        assert status(f"{served.url}/api/healthz") == 200
    finally:
        redis[1].send_signal(signal.SIGCONT)
    for code, problem, _ in outcomes:
        assert (code, problem["code"]) == (503, "store_unavailable")
        assert problem["retryAfter"]
    print("\nhung: " + ", ".join(f"{took:.2f} s" for _, _, took in outcomes))
    assert max(took for _, _, took in outcomes) < ABOUT_A_SECOND
    until(lambda: ask(served)[0] == 200, 5, "it answers again")


def test_down_costs_a_request_about_a_second_and_is_said(served: Service, redis: tuple[str, Popen[bytes]]) -> None:
    """Last: it doesn't come back."""
    redis[1].kill()
    redis[1].wait()
    outcomes = [ask(served) for _ in range(4)]
    print("\ndown: " + ", ".join(f"{took:.2f} s" for _, _, took in outcomes))
    assert {(code, problem["code"]) for code, problem, _ in outcomes} == {(503, "store_unavailable")}
    assert max(took for _, _, took in outcomes) < ABOUT_A_SECOND
    assert status(f"{served.url}/api/readyz") == 503
