"""Two releases at once, on one Redis: the later one has a frame that this one doesn't know, and workers of both die."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from msgspec import Struct

from tests.live.following import Follower
from tests.live.judging import check, check_broken, check_history, check_whole
from tests.live.later_site import EVERY
from tests.live.processes import ROOT, Service, gunicorn, until
from tests.live.reading import Seen
from tests.live.stores import RedisServer
from tests.scripted_upstream import Script, ScriptedUpstream, pieces

SCRIPT = Script(deltas=60, rate=40)
SAID = "".join(pieces(SCRIPT))
FLUSH = 3 * 20
"""This many characters may be missing. A piece has up to three, and a flush may come half a second late on a busy
machine."""


class Releases(Struct):
    """`Releases` are a service of each release, with one worker each. They share everything but the code."""

    this: Service
    later: Service
    redis: RedisServer
    upstream: ScriptedUpstream
    background: bool

    def ask(self, first: Service, **fields: str) -> Follower:
        """Ask there; the reader hangs up all the time and comes back at the other one."""
        self.upstream.script(SCRIPT)
        urls = {self.this.url: self.later.url, self.later.url: self.this.url}

        def drop(seen: Seen) -> bool:
            if seen.frame.get("seq", 1) % 11 == 0:
                reader.url = urls[reader.url]
                return True
            return False

        reader = Follower(first.url, "안녕?", drop=drop, **fields)
        return reader

    def writer(self, answer_id: str) -> tuple[Service, int]:
        """Return the service that writes it, and its worker."""

        def found() -> list[tuple[Service, int]]:
            name = self.redis.writer(answer_id)
            pids = [(service, service.process_of(name)) for service in (self.this, self.later) if name]
            return [(service, pid) for service, pid in pids if pid]

        until(found, 5, "somebody writes it")
        return found()[0]

    def check_logs(self) -> None:
        """Check that nothing has failed in either."""
        for service in (self.this, self.later):
            assert "Traceback" not in service.said
            assert "can't be read" not in service.said


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "background"])
def both(
    request: pytest.FixtureRequest,
    redis: RedisServer,
    upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Releases]:
    folder = tmp_path_factory.mktemp("releases")
    settings = {
        "REDIS_URL": redis.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": upstream.url,
        "QA_BACKGROUND": "on" if request.param else "off",
        "QA_HEARTBEAT_SECONDS": "1",
        "QA_DRAIN_SECONDS": "0.1",
        "WEB_CONCURRENCY": "1",
        "PYTHONPATH": str(ROOT),
    }
    with ExitStack() as stack:
        apps = ("wsgi:app", "tests.live.later_site:make_app()")
        this, later = (stack.enter_context(gunicorn(folder, app=app, **settings)) for app in apps)
        yield Releases(this, later, redis, upstream, request.param)


@pytest.fixture(autouse=True)
def calm(both: Releases) -> Iterator[None]:
    """Let both serve. Neither has failed in the end."""
    for service in (both.this, both.later):
        service.until_workers(1)
    yield
    both.check_logs()


def services(both: Releases, name: str) -> tuple[Service, Service]:
    return (both.this, both.later) if name == "this" else (both.later, both.this)


first_and_other = pytest.mark.parametrize("name", ["this", "later"])


@first_and_other
def test_readers_come_back_at_either_and_get_every_frame_once(both: Releases, name: str) -> None:
    first, other = services(both, name)
    reader = both.ask(first)
    reader.wait_text(5)
    there = Follower(other.url, answer_id=reader.answer_id, session_id=reader.session_id)
    here = Follower(first.url, answer_id=reader.answer_id, session_id=reader.session_id)
    for each in (reader.finish(), there.finish(), here.finish()):
        check_whole(other, SAID, each)
        assert [seen.frame for seen in each.seen] == [seen.frame for seen in here.seen]
    assert reader.connections > 3


def test_a_frame_that_a_worker_does_not_know_reaches_its_readers(both: Releases) -> None:
    asked = both.ask(both.later)
    asked.wait_text(5)
    reader = Follower(both.this.url, answer_id=asked.answer_id, session_id=asked.session_id).finish()
    notes = [seen.frame for seen in reader.kinds("note")]
    assert [note["content"] for note in notes] == [
        {"words": "새 소식", "texts": texts} for texts in range(EVERY, len(reader.kinds("text")) + 1, EVERY)
    ]
    assert [seen.frame["seq"] for seen in reader.seen] == list(range(1, len(reader.seen) + 1))


@first_and_other
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "replaced"])
def test_an_answer_outlives_its_worker_in_the_other_release(both: Releases, name: str, number: int) -> None:
    first, other = services(both, name)
    reader = both.ask(first)
    reader.wait_text(20)
    service, worker = both.writer(reader.answer_id)
    assert service is first
    there = Follower(other.url, answer_id=reader.answer_id, session_id=reader.session_id)
    there.wait_text(10)
    os.kill(worker, number)
    for each in (reader.finish(), there.finish()):
        check(each)
        if both.background:
            check_whole(other, SAID, each)
        else:
            check_broken(other, SAID, each, code="interrupted", flush=FLUSH)
    check_history(other, there)
    assert "is taken over" in other.said + first.said
