"""These tests show what a model's service can do wrong, and what a person is told of it."""

import json
import re
import threading
from collections.abc import Iterator

import pytest
from msgspec import Struct

from tests.lateness import Lateness
from tests.live.following import Follower
from tests.live.judging import check, check_broken, check_goes_on, check_nothing_left, check_whole
from tests.live.processes import Service, gunicorn
from tests.live.reading import request
from tests.live.stores import RedisServer
from tests.scripted_upstream import KOREAN, Script, ScriptedUpstream, pieces

HANGUL = re.compile("[가-힣]")
TROUBLE_SECONDS = 1.0
ENOUGH = 5
"""After this many failures in a row a model is left alone for a while."""


class Trouble(Struct, frozen=True):
    """A `Trouble` says what upstream does, and what becomes of it: the code, the status for those who don't stream, and
    whether to try again."""

    name: str
    code: str
    status: int
    retryable: bool = True
    text: bool = False
    """This says whether some text comes before it."""


TROUBLES = [
    Trouble("mute", "upstream_timeout", 504),
    Trouble("hang", "upstream_timeout", 504, text=True),
    Trouble("hang-first", "upstream_timeout", 504),
    Trouble("drip", "upstream_timeout", 504),
    Trouble("cut", "upstream_unavailable", 502, text=True),
    Trouble("end", "upstream_unavailable", 502, text=True),
    Trouble("reset", "upstream_unavailable", 502, text=True),
    Trouble("garbage", "upstream_unavailable", 502, text=True),
    Trouble("401", "upstream_rejected", 502, retryable=False),
    Trouble("404", "upstream_rejected", 502, retryable=False),
    Trouble("429", "rate_limited", 429),
    Trouble("quota", "insufficient_quota", 502, retryable=False),
    Trouble("400", "context_length", 422, retryable=False),
    Trouble("500", "upstream_unavailable", 502),
]


SPEAKING = ("", "chat:")
"""This stands before a model's name, for a server of the Responses API and for one of Chat Completions."""
Wholes = dict[str, tuple[int, dict[str, object]]]
Outcomes = tuple[dict[str, Follower], Wholes, float]


@pytest.fixture(scope="module")
def served(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("upstream"),
        REDIS_URL=redis.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_CHAT_BASE_URL=upstream.url,
        QA_MODELS_ALLOWED="model-*,chat:model-*",
        QA_FIRST_TOKEN_SECONDS=str(TROUBLE_SECONDS),
        QA_IDLE_SECONDS=str(TROUBLE_SECONDS),
        QA_TRIES="1",
    ) as found:
        found.until_workers(2)
        yield found


def whole(served: Service, place: str, trouble: Trouble, to: Wholes) -> None:
    """Ask the same, not streamed, as somebody who speaks English."""
    asks = {"question": f"script:{trouble.name}", "stream": False, "model": f"{place}model-whole-{trouble.name}"}
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    to[place + trouble.name] = request(served.url, "/api/ask", "POST", body=json.dumps(asks).encode(), headers=headers)


@pytest.fixture(scope="module")
def outcomes(served: Service) -> Outcomes:
    """Return what came of all troubles of a protocol at once, for those who stream and those who don't, and by how many
    seconds the machine was late."""
    late = Lateness(*served.workers())
    streams: dict[str, Follower] = {}
    wholes: Wholes = {}
    for place in SPEAKING:
        readers = {
            place + one.name: Follower(served.url, f"script:{one.name} 질문입니다.", model=f"{place}model-{one.name}")
            for one in TROUBLES
        }
        threads = [threading.Thread(target=whole, args=(served, place, one, wholes)) for one in TROUBLES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for reader in readers.values():
            reader.finish()
        streams |= readers
    return streams, wholes, late.seconds


@pytest.mark.parametrize("place", SPEAKING, ids=["responses", "chat"])
@pytest.mark.parametrize("trouble", TROUBLES, ids=[one.name for one in TROUBLES])
class TestTrouble:
    def test_ends_a_stream_honestly(self, served: Service, outcomes: Outcomes, place: str, trouble: Trouble) -> None:
        reader = outcomes[0][place + trouble.name]
        said = "".join(pieces(Script()))
        check_broken(served, said, reader, code=trouble.code)
        assert bool(reader.text) is trouble.text
        assert reader.error["retryable"] is trouble.retryable
        assert HANGUL.search(reader.error["userMessage"]), reader.error
        told = json.dumps(reader.error)
        assert "secret" not in told
        assert "http" not in told
        assert reader.silence < TROUBLE_SECONDS + 1.5 + outcomes[2]

    def test_is_a_problem_to_who_doesnt_stream(self, outcomes: Outcomes, place: str, trouble: Trouble) -> None:
        status, problem = outcomes[1][place + trouble.name]
        assert (status, problem["code"], problem["retryable"]) == (trouble.status, trouble.code, trouble.retryable)
        assert not HANGUL.search(str(problem["userMessage"]))
        assert problem["userMessage"]
        assert bool(problem.get("retryAfter")) is (trouble.code in {"rate_limited", "upstream_unavailable"})


def test_slow_and_cut_in_the_middle_of_characters_it_is_whole(served: Service, upstream: ScriptedUpstream) -> None:
    script = Script(text="느리고 잘게 잘린 답변입니다. 👍 ", deltas=60, rate=20, chunk=7)
    upstream.script(script)
    reader = Follower(served.url, model="model-slow").finish()
    check_whole(served, "".join(pieces(script)), reader)


def test_that_passes_before_anything_was_said_nobody_notices(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The question is tried again, and a status says so."""
    model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.url}
    with gunicorn(tmp_path_factory.mktemp("again"), REDIS_URL=redis.url, **model) as served:
        upstream.script(Script(status=500), Script(status=429, headers={"Retry-After": "1"}))
        reader = Follower(served.url).finish()
        check_whole(served, KOREAN, reader)
        retried = [seen.content for seen in reader.kinds("status") if seen.content["stage"] == "retrying"]
        assert [one["reason"] for one in retried] == ["upstream_unavailable", "rate_limited"]


def test_while_it_is_down_questions_are_refused_at_once_and_it_is_asked_again_later(
    served: Service, upstream: ScriptedUpstream
) -> None:
    upstream.requests.clear()
    readers = [Follower(served.url, "script:500", model="model-down").finish() for _ in range(20)]
    for reader in readers:
        check(reader)
        assert (reader.status, reader.error["code"]) == ("failed", "upstream_unavailable")
    assert ENOUGH <= len(upstream.requests) <= 2 * ENOUGH  # each of two workers finds out by itself


def test_at_the_end_nothing_is_left(served: Service, upstream: ScriptedUpstream, redis: RedisServer) -> None:
    check_goes_on(served, Follower(served.url).finish())
    check_nothing_left(served, upstream, redis)
