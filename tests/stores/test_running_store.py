"""What a `RunningStore` and a `Limiter` promise, over every Redis."""

import threading
import time

from redis import Redis

from qa_service.model import Owner
from qa_service.stores.breaker import StoreGuard
from qa_service.stores.keys import answer_key, owner_key, session_key
from qa_service.stores.sessions import RedisLimiter
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import Stores, answered, claim


class TestRenewing:
    def test_readers_elsewhere_see_the_text_so_far(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.running.renew(ANN, turn("first", text="Because"))
        seen = stores.history.turn(ANN, "first")
        assert (seen.status, seen.text) == ("running", "Because")

    def test_the_mark_holds_ten_seconds_more(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        mark = session_key(ANN, "s", "running")
        stores.client.pexpire(mark, 1000)
        stores.running.renew(ANN, turn("first"))
        assert 9_000 < stores.client.pttl(mark) <= 10_000

    def test_an_answer_that_was_replaced_renews_nothing(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores.sessions, turn("second"), expected=1)
        mark = session_key(ANN, "s", "running")
        stores.client.pexpire(mark, 1000)
        stores.running.renew(ANN, turn("first"))
        assert stores.client.pttl(mark) <= 1000
        assert stores.client.get(mark) == b"second w1"

    def test_a_mark_that_has_gone_stays_gone(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.sessions.save(ANN, answered(turn("first")))
        stores.running.renew(ANN, turn("first", text="late"))
        assert not stores.client.exists(session_key(ANN, "s", "running"))
        assert stores.history.turn(ANN, "first").text == "Because."


class TestDying:
    def test_an_answer_whose_worker_died_has_failed(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first", language="ko"))
        stores.client.delete(answer_key(ANN, "first", "live"))
        found = stores.history.turn(ANN, "first")
        assert found.status == "failed"
        assert found.error
        assert (found.error.code, found.error.retryable) == ("interrupted", True)
        assert found.error.user_message == "답변이 도중에 끊겼습니다. 다시 물어봐 주세요."

    def test_what_it_had_said_when_it_was_last_renewed_is_kept(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.running.renew(ANN, turn("first", text="Because"))
        stores.client.delete(answer_key(ANN, "first", "live"))
        assert (stores.history.turn(ANN, "first").status, stores.history.turn(ANN, "first").text) == (
            "failed",
            "Because",
        )

    def test_a_deleted_answer_is_not_kept_by_renewing(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.history.delete(ANN, "s")
        stores.running.renew(ANN, turn("first", text="Because"))
        assert stores.client.keys("*") == [answer_key(ANN, "first", "live").encode()]

    def test_its_session_shows_it_so_too(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.delete(answer_key(ANN, "first", "live"))
        assert [said.status for said in stores.history.session(ANN, "s", "", 9).turns] == ["failed"]


class TestStopping:
    def test_the_word_reaches_the_worker_it_was_left_for(self, stores: Stores) -> None:
        stores.running.stop("first", "w1")
        assert stores.running.stopped("w2", 0.05) == []
        assert stores.running.stopped("w1", 0.05) == ["first"]
        assert stores.running.stopped("w1", 0.05) == []

    def test_a_worker_that_waits_is_told_at_once(self, stores: Stores) -> None:
        told: list[str] = []
        waiting = threading.Thread(target=lambda: told.extend(stores.running.stopped("w1", 5)))
        waiting.start()
        began = time.monotonic()
        stores.running.stop("first", "w1")
        waiting.join()
        assert told == ["first"]
        assert time.monotonic() - began < 2

    def test_nobody_keeps_words_for_a_dead_worker(self, stores: Stores) -> None:
        stores.running.stop("first", "w1")
        (key,) = stores.client.keys("*")
        assert 0 < stores.client.pttl(key) <= 10_000


class TestLimiting:
    def test_a_burst_comes_through_and_then_one_question_an_interval(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=3, seconds=1.5)
        assert [limiter.take(ANN) for _ in range(3)] == [0, 0, 0]
        wait = limiter.take(ANN)
        assert 0 < wait <= 0.5
        time.sleep(wait)
        assert limiter.take(ANN) == 0
        assert limiter.take(ANN) > 0

    def test_a_refused_question_costs_nothing(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
        limiter.take(ANN)
        first = limiter.take(ANN)
        assert limiter.take(ANN) <= first <= 60

    def test_each_owner_and_each_address_has_its_own(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
        here, there = (Owner("anonymous", "c" * 32, address=address) for address in ("1" * 32, "2" * 32))
        assert [limiter.take(owner) for owner in (ANN, BEN, here, there)] == [0, 0, 0, 0]
        assert all(limiter.take(owner) > 0 for owner in (ANN, BEN, here, there))

    def test_what_it_remembers_ends_with_the_last_interval(self, client: Redis) -> None:
        RedisLimiter(client, StoreGuard(), questions=2, seconds=60).take(ANN)
        assert 29_000 < client.pttl(owner_key(ANN, "rate")) <= 30_002
