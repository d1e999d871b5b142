"""kill -9 of the worker that writes an answer, in every stage of it, and a worker that only seems dead."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from msgspec import Struct

from qa_service.turns import logged_id
from qa_service.web.identity import Owners
from tests.documents import html_that_never_ends
from tests.lateness import Lateness
from tests.live.following import Follower
from tests.live.judging import check_broken, check_goes_on, check_nothing_left, check_whole, until_kept
from tests.live.processes import SECRET, Service, gunicorn, until
from tests.live.stores import RedisServer
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

VISITOR = Owners(SECRET).anonymous("127.0.0.1")
WORKERS = 3
RATE = 40
TEXT = Script(deltas=60, rate=RATE)
SAID = "".join(pieces(TEXT))
LONG = Script(deltas=320, rate=RATE)
"""It takes longer than a silent worker is waited for."""
MIDDLE = Script(deltas=120, rate=RATE)
BEFORE_TEXT = 4
"""This many events come before the first delta."""
PIECE = 3
"""A piece has at most this many characters."""
FLUSH_SECONDS = 0.5
"""This is the longest pause between two flushes."""
STORE_SECONDS = 0.5
"""This says how late the store may be where its disk is busy."""
NEXT_FRAME = 2.0
"""The next frame comes at most this many seconds after a worker's death. They are fewer than a silent worker is waited
for."""
SILENT = 5.0
"""After this many seconds a worker that says nothing is taken for dead."""


class House(Struct):
    """A `House` is a service with all that it stands on."""

    served: Service
    upstream: ScriptedUpstream
    redis: RedisServer
    background: bool

    def writer(self, answer_id: str) -> int:
        """Return the process that writes this answer."""
        until(lambda: self.served.process_of(self.redis.writer(answer_id)), 5, "somebody writes it")
        return self.served.process_of(self.redis.writer(answer_id))

    def kill(self, answer_id: str) -> float:
        """Kill the worker that writes this answer. Return when it died."""
        os.kill(self.writer(answer_id), signal.SIGKILL)
        return time.monotonic()

    def takeovers(self, answer_id: str) -> int:
        """Return how often it was taken over."""
        return len(re.findall(f"{logged_id(VISITOR, answer_id)} is taken over", self.served.said))

    def check_end(self, *readers: Follower, said: str = SAID, flush: int = 0) -> None:
        """Check that the answer is whole in the background, or else honestly broken off, and that nothing is left
        then."""
        for reader in readers:
            if self.background:
                check_whole(self.served, said, reader)
            else:
                check_broken(self.served, said, reader, code="interrupted", flush=flush or unflushed(reader))
        check_goes_on(self.served, *{reader.session_id: reader for reader in readers}.values())
        check_nothing_left(self.served, self.upstream, self.redis)


def unflushed(reader: Follower) -> int:
    """Return how many characters may be lost when a worker dies: those of one pause between two flushes, which is as
    much longer as the machine is late. The pauses between two pieces of the same answer show how late that is."""
    times = [seen.at for seen in reader.kinds("text")]
    late = max((after - before for before, after in pairwise(times)), default=0.0)
    return int(PIECE * RATE * (FLUSH_SECONDS + STORE_SECONDS + 3 * late)) + PIECE


@contextmanager
def housed(
    folder: object, redis: RedisServer, upstream: ScriptedUpstream, *, background: bool, **settings: str
) -> Iterator[House]:
    """Give gunicorn over both, with short times."""
    with gunicorn(
        folder,
        REDIS_URL=redis.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_BACKGROUND="on" if background else "off",
        QA_FILE_SECONDS="2",
        QA_HEARTBEAT_SECONDS="1",
        **{"WEB_CONCURRENCY": str(WORKERS), **settings},
    ) as served:
        yield House(served, upstream, redis, background)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "background"])
def house(
    request: pytest.FixtureRequest,
    redis: RedisServer,
    upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    with housed(tmp_path_factory.mktemp("dying"), redis, upstream, background=request.param) as found:
        yield found


@pytest.fixture(autouse=True)
def calm(house: House) -> None:
    """Wait until all workers serve, and until upstream has nothing of the test before."""
    house.served.until_workers(WORKERS)
    house.upstream.requests.clear()
    house.upstream.closed.clear()
    house.upstream.responses.clear()


class TestStage:
    """The writing worker is killed; another one takes over, once."""

    def test_while_a_file_is_read(self, house: House) -> None:
        house.upstream.script(TEXT)
        reader = Follower(house.served.url, "무엇이 들어 있나요?", files={"끝.html": html_that_never_ends().encode()})
        reader.wait(lambda read: read.kinds("status"))
        house.kill(reader.answer_id)
        reader.finish()

        if not house.background:
            orphans = house.served.uploads()  # a later start deletes what lies there for an hour
            assert len(orphans) == 1
            orphans[0].unlink()
            assert not house.upstream.requests
        house.check_end(reader)
        assert house.takeovers(reader.answer_id) == 1

    def test_before_the_first_token(self, house: House) -> None:
        house.upstream.script(Script(delay=5), TEXT)
        reader = Follower(house.served.url, "안녕?")
        assert house.upstream.wait_requests(SOON)
        reader.wait(lambda read: read.answer_id)
        house.kill(reader.answer_id)
        reader.finish()

        house.check_end(reader)
        assert house.takeovers(reader.answer_id) == 1

    def test_once_upstream_has_begun_to_think(self, house: House) -> None:
        script = Script(deltas=12, rate=8, text="생각한 뒤에 답합니다. ")
        house.upstream.script(script)
        reader = Follower(house.served.url, "안녕?")
        until(lambda: house.upstream.responses, 5, "upstream has begun")
        reader.wait(lambda read: read.answer_id)
        time.sleep(0.2)  # upstream's first events are on their way, its first text isn't
        house.kill(reader.answer_id)
        reader.finish()

        house.check_end(reader, said="".join(pieces(script)))
        assert len(house.upstream.responses) == 1 + 1  # the second one answers the next question

    def test_in_mid_text(self, house: House) -> None:
        house.upstream.script(TEXT)
        reader = Follower(house.served.url, "안녕?")
        reader.wait_text(20)
        late = Lateness(*house.served.workers(), house.redis.pid)
        died = house.kill(reader.answer_id)
        reader.wait(lambda read: read.seen[-1].at > died + 0.05)
        after = min(seen.at for seen in reader.seen if seen.at > died + 0.05)
        assert after - died < NEXT_FRAME + late.seconds
        reader.finish()

        house.check_end(reader)
        assert house.takeovers(reader.answer_id) == 1

    def test_between_the_last_delta_and_the_end(self, house: House) -> None:
        script = Script(deltas=20, rate=RATE, fault="hang", after=BEFORE_TEXT + 20)
        said = "".join(pieces(script))
        house.upstream.script(script)
        reader = Follower(house.served.url, "안녕?")
        reader.wait(lambda read: read.text == said)
        house.kill(reader.answer_id)
        reader.finish()

        house.check_end(reader, said=said)

    def test_with_nobody_reading(self, house: House) -> None:
        house.upstream.script(TEXT)
        reader = Follower(house.served.url, "안녕?")
        reader.wait_text(20)
        reader.leave()
        house.kill(reader.answer_id)
        kept = until_kept(house.served, reader.answer_id)
        late = Follower(house.served.url, answer_id=reader.answer_id, session_id=reader.session_id).finish()

        house.check_end(late)
        assert late.text == kept["text"]
        assert late.text.startswith(reader.text[: -unflushed(reader)])

    def test_twice_in_a_row(self, house: House) -> None:
        house.upstream.script(MIDDLE)
        reader = Follower(house.served.url, "안녕?")
        reader.wait_text(20)
        house.kill(reader.answer_id)
        if house.background:
            until(lambda: house.takeovers(reader.answer_id) == 1, 5, "it is taken over")
            reader.wait_text(60)
            house.kill(reader.answer_id)
        reader.finish()

        house.check_end(reader, said="".join(pieces(MIDDLE)))
        assert house.takeovers(reader.answer_id) == (2 if house.background else 1)

    def test_with_twenty_answers_at_once(self, house: House) -> None:
        house.upstream.script(Script(deltas=60, rate=RATE, times=20))
        readers = [Follower(house.served.url, f"질문 {number}") for number in range(20)]
        for reader in readers:
            reader.wait_text(10)
        killed = house.writer(readers[-1].answer_id)
        os.kill(killed, signal.SIGKILL)
        for reader in readers:
            reader.finish()

        taken = [reader for reader in readers if house.takeovers(reader.answer_id)]
        left = [reader for reader in readers if reader not in taken]
        assert [house.takeovers(reader.answer_id) for reader in taken] == [1] * len(taken)
        for reader in left:
            check_whole(house.served, SAID, reader)
        house.check_end(*taken)


class TestFrozen:
    def test_worker_that_comes_back_writes_no_more(self, house: House) -> None:
        """It is taken for dead after some seconds; then there are two that could write."""
        house.upstream.script(LONG)
        watching = Follower(house.served.url, "안녕?", patience=60)  # stays with the worker that freezes
        watching.wait_text(20)
        frozen = house.writer(watching.answer_id)
        os.kill(frozen, signal.SIGSTOP)
        try:
            reader = Follower(house.served.url, answer_id=watching.answer_id, session_id=watching.session_id)
            until(lambda: house.takeovers(watching.answer_id), SILENT + 3, "it is taken over")
            reader.wait(lambda read: read.last > watching.last)
        finally:
            os.kill(frozen, signal.SIGCONT)
        new = [Follower(house.served.url, f"질문 {number}") for number in range(3 * WORKERS)]
        reader.finish()
        watching.finish()
        assert {each.finish().status for each in new} == {"completed"}

        # What had come for the frozen worker meanwhile, its own reader still gets: all of it was said.
        said = "".join(pieces(LONG))
        house.check_end(reader, watching, said=said, flush=len(said))
        assert house.takeovers(watching.answer_id) == 1
        assert frozen in house.served.workers()


class TestAlone:
    def test_the_only_worker_is_killed_and_its_successor_takes_over(
        self, house: House, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with housed(
            tmp_path_factory.mktemp("alone"),
            house.redis,
            house.upstream,
            background=house.background,
            WEB_CONCURRENCY="1",
        ) as alone:
            house.upstream.script(MIDDLE)
            reader = Follower(alone.served.url, "안녕?")
            reader.wait_text(20)
            alone.kill(reader.answer_id)
            reader.finish()

            alone.check_end(reader, said="".join(pieces(MIDDLE)))
            assert alone.takeovers(reader.answer_id) == 1
