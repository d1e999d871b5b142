"""Who reads an answer: those who leave, who are slow, who are many, and who read it where it isn't written."""

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.live.following import Follower
from tests.live.judging import check_goes_on, check_nothing_left, check_whole, kept
from tests.live.processes import Service, gunicorn, memory, until
from tests.live.reading import Asked, Resumed, request
from tests.live.stores import RedisServer
from tests.scripted_upstream import SOON, Script, ScriptedUpstream, pieces

GRACE = 1.0
SLOW = Script(deltas=200, rate=20)
MEDIUM = Script(deltas=60, rate=20)
BIG = Script(deltas=20_000)
CROWD = 50
SLOW_READERS = 20


@pytest.fixture(scope="module")
def served(
    redis: RedisServer, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("readers"),
        REDIS_URL=redis.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_GRACE_SECONDS=str(GRACE),
        QA_HEARTBEAT_SECONDS="1",
    ) as found:
        found.until_workers(2)
        yield found


@pytest.fixture(autouse=True)
def nothing_left(served: Service, model: ScriptedUpstream, redis: RedisServer) -> Iterator[None]:
    """Check after each test that nothing is left of it."""
    yield
    check_nothing_left(served, model, redis)


def ended(served: Service, answer_id: str, status: str) -> None:
    """Wait until the answer has ended so."""
    until(lambda: kept(served, answer_id)["status"] == status, 5, f"it is {status}")


class TestLeaving:
    def test_stops_the_answer_of_who_wanted_that(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(SLOW)
        reader = Follower(served.url, onHangup="cancel")
        reader.wait_text(3)
        reader.leave()
        assert model.wait_closed(SOON)
        ended(served, reader.answer_id, "cancelled")
        assert str(kept(served, reader.answer_id)["text"]).startswith(reader.text)
        check_goes_on(served, reader)

    def test_stops_no_other_before_the_grace_is_over(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(SLOW)
        reader = Follower(served.url)
        reader.wait_text(3)
        reader.leave()
        assert not model.wait_closed(GRACE * 0.8)
        assert model.wait_closed(SOON)
        ended(served, reader.answer_id, "cancelled")
        check_goes_on(served, reader)

    def test_and_coming_back_within_the_grace_goes_on(self, served: Service, model: ScriptedUpstream) -> None:
        """The reader does so again and again, each time at whichever worker takes it."""
        model.script(Script(deltas=100, rate=20))
        reader = Follower(served.url, drop=lambda seen: seen.kind == "text" and seen.frame["seq"] % 10 == 0)
        check_whole(served, "".join(pieces(Script(deltas=100))), reader.finish())
        assert reader.connections > 5

    def test_elsewhere_is_the_last_to_leave(self, served: Service, model: ScriptedUpstream) -> None:
        """Who reads on another worker holds an answer that ends with its last reader, until it leaves too."""
        model.script(SLOW)
        ways = served.connections()
        (_, here), (_, there) = ways.items()
        with Asked(served.url, "안녕?", onHangup="cancel", connection=here) as asked:
            asked.first("text")
            other = Resumed(served.url, asked.answer_id, connection=there)
            other.first("text")
            until(lambda: request(served.url, f"/api/answers/{asked.answer_id}")[0] == 200, 1, "it is known")
            time.sleep(1.2)  # until the other worker has said that it is read there
        assert not model.wait_closed(2)
        assert len([next(iter(other)) for _ in range(5)]) == 5
        other.hang_up()
        assert model.wait_closed(SOON)
        ended(served, asked.answer_id, "cancelled")


class TestCrowd:
    def test_of_fifty_on_two_workers_reads_the_same(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(MEDIUM)
        first = Follower(served.url)
        first.wait_text(2)
        crowd = [
            Follower(
                served.url,
                answer_id=first.answer_id,
                session_id=first.session_id,
                drop=lambda seen, every=5 + number: seen.frame.get("seq", 1) % every == 0,
            )
            for number in range(CROWD)
        ]
        check_whole(served, "".join(pieces(MEDIUM)), first.finish())
        for reader in crowd:
            assert [seen.frame for seen in reader.finish().seen] == [seen.frame for seen in first.seen]
        assert len(model.requests) == 1

    def test_that_comes_late_gets_the_same_and_then_nothing(self, served: Service) -> None:
        first = Follower(served.url).finish()
        late = [Follower(served.url, answer_id=first.answer_id) for _ in range(10)]
        for reader in late:
            assert [seen.frame for seen in reader.finish().seen] == [seen.frame for seen in first.seen]
        for way in served.connections().values():
            with Resumed(served.url, first.answer_id, first.last, connection=way) as after:
                assert after.response.status == 204


class Slow:
    """A `Slow` takes a byte a second, through a small window."""

    def __init__(self, served: Service, answer_id: str) -> None:
        self.read = b""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self._socket.connect(("127.0.0.1", served.port))
        self._socket.sendall(f"GET /api/answers/{answer_id}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def take(self, count: int) -> None:
        self.read += self._socket.recv(count)

    def finish(self) -> bytes:
        """Take all of it now, and fast."""
        with self._socket, self._socket.makefile("rb") as rest:
            response = self.read + rest.read(100)
            while not response.endswith(b"0\r\n\r\n"):
                response += rest.read1(1 << 16)
        return response


class TestSlow:
    def test_reader_slows_nobody_costs_little_and_gets_it_all(self, served: Service, model: ScriptedUpstream) -> None:
        model.script(BIG)
        first = Follower(served.url).finish()
        before = {worker: memory(worker) for worker in served.workers()}
        model.script(BIG)
        asked = Follower(served.url)
        asked.wait_text(1)
        slow = [Slow(served, asked.answer_id) for _ in range(SLOW_READERS)]
        began = time.monotonic()
        check_whole(served, "".join(pieces(BIG)), asked.finish())
        quick = Follower(served.url).finish()
        took = time.monotonic() - began
        for _ in range(3):
            for reader in slow:
                reader.take(1)
            time.sleep(1 / 3)
        grown = [memory(worker) - size for worker, size in before.items()]
        print(f"\nbeside {SLOW_READERS} slow readers: {took:.1f} s, MB grown {[size >> 20 for size in grown]}")
        assert quick.status == first.status == "completed"
        assert sum(grown) < 60 << 20
        ends: list[bytes] = []
        threads = [threading.Thread(target=lambda one=one: ends.append(one.finish())) for one in slow[:3]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [texts(response) for response in ends] == [asked.text] * 3
        for reader in slow[3:]:
            reader._socket.close()


def texts(response: bytes) -> str:
    """Return the text in a raw response."""
    body, whole = response.partition(b"\r\n\r\n")[2], b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        whole, body = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    frames = [json.loads(line[6:]) for line in whole.split(b"\n") if line.startswith(b"data: ")]
    return "".join(frame["content"] for frame in frames if frame["type"] == "text")
