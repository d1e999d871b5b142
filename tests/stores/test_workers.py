"""These tests show what a `WorkerStore` promises, over every Redis."""

import logging
import threading
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service.deltas import Opened
from qa_service.errors import StoreUnavailable
from qa_service.frames import Done, Text
from qa_service.interfaces import FollowedAnswer, WorkerNews
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import ALIVE, STOPS, answer_key, session_key, worker_key
from qa_service.stores.workers import READ_MS, SILENT_MS, TAKEN, RedisWorkers
from tests.fakes import ANN, admission, turn
from tests.lateness import Lateness
from tests.stores.talking import OPEN, Stores, answered, claim, endless, held, stores_of, write

FIRST, SECOND = FollowedAnswer(ANN, "first"), FollowedAnswer(ANN, "second")
DIED = replace(held(), deaths=1)
SOON = 0.02
LONG = 4.0


def test_an_outage_is_logged_once_though_two_clients_notice_it(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = Redis(unix_socket_path="/nowhere/redis.sock")
    workers = RedisWorkers(nowhere, StoreGuard(), waiting=nowhere, seconds=1)
    with pytest.raises(StoreUnavailable):
        workers.wait_for_news("w1", {}, SOON)
    with pytest.raises(StoreUnavailable):
        workers.announce_life("w1")
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["WARNING"]


class TestLiving:
    def test_whoever_beats_lives(self, stores: Stores) -> None:
        for worker in ("w1", "w2"):
            assert stores.workers.announce_life(worker) == ([], False)
        assert stores.workers.announce_life("w1") == ([], False)

    def test_one_that_is_silent_for_too_long_is_dead_to_all_others(self, stores: Stores) -> None:
        for worker in ("w1", "w2", "w3"):
            stores.workers.announce_life(worker)
        _silence(stores, "w2", SILENT_MS)
        _silence(stores, "w3", SILENT_MS - 1000)
        assert stores.workers.announce_life("w1") == (["w2"], False)

    def test_one_that_was_silent_and_lives_is_told_that_it_was_missed(self, stores: Stores) -> None:
        stores.workers.announce_life("w1")
        _silence(stores, "w1", SILENT_MS)
        assert stores.workers.announce_life("w1") == ([], True)
        assert stores.workers.announce_life("w1") == ([], False)

    @pytest.mark.parametrize("beats", [True, False])
    def test_one_whose_answers_were_taken_is_told_so_however_soon_it_is_back(self, stores: Stores, beats: bool) -> None:
        stores.workers.announce_life("w1")
        claim(stores.sessions, turn("first"))
        _silence(stores, "w1", SILENT_MS)
        if beats:
            stores.workers.announce_life("w1")
        stores.workers.take_from_dead("w1", "w2")
        assert stores.workers.announce_life("w1")[1]
        stores.workers.take_from_dead("w1", "w2")
        assert stores.workers.announce_life("w1") == ([], True)

    def test_a_store_that_forgot_everything_missed_nobody(self, stores: Stores) -> None:
        for worker in ("w1", "w2"):
            stores.workers.announce_life(worker)
        stores.client.flushall()
        assert [stores.workers.announce_life(worker) for worker in ("w1", "w2")] == [([], False)] * 2

    def test_a_sign_of_life_keeps_what_a_worker_holds(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.expire(worker_key("w1", "holds"), 5)
        stores.workers.announce_life("w1")
        assert OPEN - 5 < stores.client.ttl(worker_key("w1", "holds")) <= OPEN

    def test_one_that_left_is_dead_at_once(self, stores: Stores) -> None:
        for worker in ("w1", "w2"):
            stores.workers.announce_life(worker)
        stores.workers.withdraw_worker("w1")
        assert stores.workers.announce_life("w2") == (["w1"], False)

    def test_leaving_first_and_alone_leaves_no_endless_key(self, stores: Stores) -> None:
        stores.workers.withdraw_worker("w1")
        assert endless(stores.client) == []


class TestHolding:
    def test_a_claim_is_held_by_its_worker(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        assert stores.workers.held_ids("w1") == {"first", "second"}
        assert stores.workers.read_held("w1", "second") == held("second", "second")
        assert stores.workers.read_held("w2", "second") is None

    def test_what_is_needed_to_begin_again_is_held_with_it(self, stores: Stores) -> None:
        asked = admission("하늘은 왜 파란가요?")
        claim(stores.sessions, asked.turn, admission=asked)
        assert stores.workers.read_held("w1", asked.answer_id) == replace(held(asked.answer_id), admission=asked)

    def test_only_what_another_has_adopted_is_lost(self, stores: Stores) -> None:
        claims = [held(answer_id, answer_id) for answer_id in ("kept", "taken", "adopted")]
        for each in claims:
            claim(stores.sessions, turn(each.answer_id, session_id=each.session_id))
        stores.workers.take_from_dead("w1", "w2")
        stores.workers.adopt_answer(claims[2], "w2")
        unknown = held("unknown", "unknown")
        assert stores.workers.find_lost("w1", [*claims, unknown]) == [False, False, True, False]

    def test_what_is_no_session_hides_no_loss(self, stores: Stores) -> None:
        for answer_id in ("first", "second"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        both = [replace(held(), answer_id=answer_id, session_id=answer_id) for answer_id in ("first", "second")]
        stores.workers.adopt_answer(both[1], "w2")
        stores.client.set(session_key(ANN, "first", "running"), "no hash")
        assert stores.workers.find_lost("w1", both) == [False, True]

    def test_what_is_dropped_is_held_no_longer(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.workers.drop_held("w1", "first")
        assert stores.workers.held_ids("w1") == set()


class TestTaking:
    def test_what_a_dead_worker_held_is_the_takers(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert stores.workers.take_from_dead("w1", "w2") == [DIED]
        assert (stores.workers.held_ids("w1"), stores.workers.held_ids("w2")) == (set(), {"first"})
        assert endless(stores.client) == []

    def test_a_few_at_a_time_until_none_is_left(self, stores: Stores) -> None:
        for number in range(TAKEN + 3):
            claim(stores.sessions, turn(f"{number}", session_id=f"{number}"))
        assert [len(stores.workers.take_from_dead("w1", "w2")) for _ in range(3)] == [TAKEN, 3, 0]

    def test_others_are_told_of_a_dead_worker_until_it_holds_nothing(self, stores: Stores) -> None:
        for worker in ("w1", "w2"):
            stores.workers.announce_life(worker)
        claim(stores.sessions, turn("first"))
        stores.workers.take_from_dead("w1", "w2")
        assert stores.workers.announce_life("w2") == (["w1"], False)
        stores.workers.take_from_dead("w1", "w2")
        assert stores.workers.announce_life("w2") == ([], False)

    def test_one_that_was_only_silent_keeps_what_it_holds_once_it_is_heard_of(self, stores: Stores) -> None:
        stores.workers.announce_life("w1")
        claim(stores.sessions, turn("first"))
        assert stores.workers.take_from_dead("w1", "w2", sure=False) == []
        assert stores.workers.announce_life("w1") == ([], False)
        _silence(stores, "w1", SILENT_MS)
        assert stores.workers.take_from_dead("w1", "w2", sure=False) == [DIED]

    def test_one_that_left_is_taken_from_without_being_sure(self, stores: Stores) -> None:
        stores.workers.announce_life("w1")
        claim(stores.sessions, turn("first"))
        stores.workers.withdraw_worker("w1")
        assert stores.workers.take_from_dead("w1", "w2", sure=False) == [held()]

    def test_one_that_is_known_to_be_dead_is_taken_from_whatever_it_said_last(self, stores: Stores) -> None:
        stores.workers.announce_life("w1")
        claim(stores.sessions, turn("first"))
        _silence(stores, "w1", -SILENT_MS)  # the store's clock has been set back since
        assert stores.workers.take_from_dead("w1", "w2") == [DIED]

    def test_the_deaths_of_all_who_held_it_in_a_row_are_counted(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        for number in range(1, 4):
            (taken,) = stores.workers.take_from_dead(f"w{number}", f"w{number + 1}")
            assert taken.deaths == number
            stores.workers.keep_held(f"w{number + 1}", replace(taken, said=7))
        assert stores.workers.read_held("w4", "first") == replace(held(), deaths=3, said=7)

    def test_a_worker_that_left_counts_as_no_death_however_much_it_held(self, stores: Stores) -> None:
        for number in range(TAKEN + 3):
            claim(stores.sessions, turn(f"{number}", session_id=f"{number}"))
        stores.workers.announce_life("w1")
        stores.workers.withdraw_worker("w1")
        taken = [each for _ in range(2) for each in stores.workers.take_from_dead("w1", "w2")]
        assert [each.deaths for each in taken] == [0] * (TAKEN + 3)

    def test_one_that_died_died_with_all_it_held(self, stores: Stores) -> None:
        for number in range(TAKEN + 3):
            claim(stores.sessions, turn(f"{number}", session_id=f"{number}"))
        stores.workers.announce_life("w1")
        taken = [each for _ in range(2) for each in stores.workers.take_from_dead("w1", "w2")]
        assert [each.deaths for each in taken] == [1] * (TAKEN + 3)

    def test_what_is_not_held_any_more_is_not_kept_anew(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.workers.drop_held("w1", "first")
        stores.workers.keep_held("w1", DIED)
        assert stores.workers.held_ids("w1") == set()
        assert endless(stores.client) == []

    def test_the_dead_are_forgotten_in_the_end(self, stores: Stores) -> None:
        stores.workers.announce_life("w3")
        for worker in ("w1", "w2"):
            stores.workers.announce_life(worker)
            stores.workers.take_from_dead(worker, "w3")
        _, early, late = sorted(stores.client.zrange(ALIVE, 0, -1, withscores=True), key=lambda pair: -pair[1])
        stores.client.zadd(ALIVE, {early[0]: early[1] + OPEN * 1000})
        stores.workers.take_from_dead("w9", "w3")
        assert {name for name in stores.client.zrange(ALIVE, 0, -1)} == {b"w3", late[0]}

    def test_one_that_never_beat_can_be_taken_from(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.workers.announce_life("w2")
        assert stores.workers.take_from_dead("w1", "w2") == [DIED]
        assert stores.workers.take_from_dead("w1", "w2") == []
        assert stores.workers.announce_life("w2") == ([], False)

    def test_each_answer_is_given_to_exactly_one_of_those_who_take_at_once(self, real: Redis) -> None:
        stores = stores_of(real)
        for number in range(100):
            claim(stores.sessions, turn(f"{number}", session_id=f"{number}"))
        begin, taken = threading.Barrier(8), []

        def take(worker: str) -> None:
            begin.wait()
            while some := stores.workers.take_from_dead("w1", worker):
                taken.extend((each.answer_id, worker) for each in some)

        takers = [threading.Thread(target=take, args=(f"taker-{number}",)) for number in range(8)]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()
        assert sorted(answer_id for answer_id, _ in taken) == sorted(str(number) for number in range(100))
        for worker in {worker for _, worker in taken}:
            assert stores.workers.held_ids(worker) == {answer_id for answer_id, taker in taken if taker == worker}


class TestAdopting:
    def test_a_running_answer_is_the_adopters(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert stores.workers.adopt_answer(held(), "w2") == turn("first")
        assert stores.client.hget(session_key(ANN, "s", "running"), "first") == b"w2"

    def test_one_that_has_ended_is_nobodys(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.sessions.save_turn(ANN, answered(turn("first")))
        assert stores.workers.adopt_answer(held(), "w2") is None

    def test_one_whose_session_was_deleted_is_nobodys(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.history.delete_session(ANN, "s")
        assert stores.workers.adopt_answer(held(), "w2") is None
        assert not stores.client.exists(session_key(ANN, "s", "running"))

    def test_one_that_never_was_is_nobodys(self, stores: Stores) -> None:
        assert stores.workers.adopt_answer(held("never"), "w2") is None


class TestStopping:
    def test_every_worker_hears_it_once(self, stores: Stores) -> None:
        workers = {name: stores_of(stores.client, name).workers for name in ("w1", "w2")}
        stores.workers.announce_stop("first")
        heard = {name: [workers[name].wait_for_news(name, {}, SOON).stops for _ in range(2)] for name in workers}
        assert heard == {"w1": [["first"], []], "w2": [["first"], []]}

    def test_what_comes_between_two_looks_is_heard(self, stores: Stores) -> None:
        stores.workers.wait_for_news("w1", {}, SOON)
        for answer_id in ("first", "second"):
            stores.workers.announce_stop(answer_id)
        assert stores.workers.wait_for_news("w1", {}, SOON).stops == ["first", "second"]

    def test_who_waits_is_told_at_once(self, stores: Stores) -> None:
        news, took = _waiting(stores, lambda: stores.workers.announce_stop("first"))
        assert news.stops == ["first"]
        assert took < LONG / 2

    def test_words_are_forgotten_soon(self, stores: Stores) -> None:
        stores.workers.announce_stop("first")
        assert 0 < stores.client.ttl(STOPS) <= 60

    def test_no_more_than_some_are_kept(self, stores: Stores) -> None:
        pipeline = stores.client.pipeline(transaction=False)
        for _ in range(1500):
            pipeline.xadd(STOPS, {"answer": "old"})
        pipeline.execute()
        stores.workers.announce_stop("first")
        assert stores.client.xlen(STOPS) < 1200


class TestWaiting:
    def test_nothing_new_is_an_empty_handful(self, stores: Stores) -> None:
        assert stores.workers.wait_for_news("w1", {}, SOON) == WorkerNews([], {}, {})

    def test_no_time_to_wait_is_no_wait(self, stores: Stores) -> None:
        began, late = time.monotonic(), Lateness()
        assert stores.workers.wait_for_news("w1", {}, 0) == WorkerNews([], {}, {})
        assert time.monotonic() - began < 1 + late.seconds

    def test_a_nudge_ends_it(self, stores: Stores) -> None:
        news, took = _waiting(stores, lambda: stores.workers.end_wait("w1"))
        assert news == WorkerNews([], {}, {})
        assert took < LONG / 2

    def test_a_nudge_just_before_ends_it_too_and_only_once(self, stores: Stores) -> None:
        """Who nudges doesn't know whether the other waits already."""
        stores.workers.end_wait("w1")
        began, late = time.monotonic(), Lateness()
        stores.workers.wait_for_news("w1", {}, LONG)
        assert time.monotonic() - began < LONG / 2 + late.seconds
        began = time.monotonic()
        stores.workers.wait_for_news("w1", {}, SOON)
        assert time.monotonic() - began >= SOON * 0.9

    def test_another_workers_nudge_ends_nothing(self, stores: Stores) -> None:
        stores.workers.end_wait("w2")
        began = time.monotonic()
        stores.workers.wait_for_news("w1", {}, SOON)
        assert time.monotonic() - began >= SOON * 0.9

    def test_nudges_leave_no_endless_key(self, stores: Stores) -> None:
        stores.workers.end_wait("w1")
        assert endless(stores.client) == []


class TestFollowing:
    def test_the_log_entries_of_all_that_is_followed_come_with_their_cursors(self, stores: Stores) -> None:
        for answer_id in ("first", "second", "third"):
            claim(stores.sessions, turn(answer_id, session_id=answer_id))
        write(stores, Text("One "), Text("two."))
        write(stores, Opened("resp_1"), answer_id="second")
        news = stores.workers.wait_for_news(
            "w1", {FIRST: "1-0", SECOND: "1-0", FollowedAnswer(ANN, "third"): "1-0"}, SOON
        )
        assert {name: [(piece.first, piece.items) for piece in pieces] for name, pieces in news.entries.items()} == {
            "first": [(2, [Text("One "), Text("two.")])],
            "second": [(2, [Opened("resp_1")])],
        }
        assert news.cursors == {"first": "3-1", "second": "1-1"}

    def test_from_its_cursor_on_nothing_comes_twice(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        for number in (2, 3):
            write(stores, Text(f"{number}"), first=number, count=number - 1)
        seen = stores.workers.wait_for_news("w1", {FIRST: "0-0"}, SOON)
        assert [piece.first for piece in seen.entries["first"]] == [1, 2, 3]
        assert stores.workers.wait_for_news("w1", {FIRST: seen.cursors["first"]}, SOON).entries == {}

    def test_what_is_written_meanwhile_ends_the_wait(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        news, took = _waiting(stores, lambda: write(stores, Done("completed"), closed=True), FIRST)
        assert [piece.items for piece in news.entries["first"]] == [[Done("completed")]]
        assert took < LONG / 2

    def test_a_log_that_is_not_there_is_waited_for(self, stores: Stores) -> None:
        assert stores.workers.wait_for_news("w1", {FIRST: "0-0"}, SOON) == WorkerNews([], {}, {})

    @pytest.mark.parametrize("key", [answer_key(ANN, "second", "log"), STOPS, worker_key("w1", "nudge")])
    def test_what_is_no_log_silences_no_other(self, real: Redis, key: str) -> None:
        stores = stores_of(real)
        claim(stores.sessions, turn("first"))
        write(stores, Text("one"))
        stores.client.delete(key)
        stores.client.set(key, "no stream")
        news = stores.workers.wait_for_news("w1", {FIRST: "1-0", SECOND: "0-0"}, SOON)
        assert [piece.items for piece in news.entries["first"]] == [[Text("one")]]
        assert list(news.cursors) == ["first"]

    def test_the_newer_protocol_tells_the_same(self, real: Redis) -> None:
        stores = stores_of(real)
        claim(stores.sessions, turn("first"))
        stores.workers.announce_stop("second")
        pool = type(real.connection_pool)(
            **{**real.connection_pool.connection_kwargs, "protocol": 3},
            connection_class=real.connection_pool.connection_class,
        )
        with Redis(connection_pool=pool) as newer:
            other = stores_of(newer, "w2")
            news = other.workers.wait_for_news("w2", {FIRST: "0-0"}, SOON)
            assert news == stores.workers.wait_for_news("w1", {FIRST: "0-0"}, SOON)
            assert (news.stops, news.cursors) == (["second"], {"first": "1-0"})
            assert other.workers.wait_for_news("w2", {}, SOON) == WorkerNews([], {}, {})
            assert other.logs.read_log(ANN, "first") == stores.logs.read_log(ANN, "first")
            assert other.history.load_turn(ANN, "first") == stores.history.load_turn(ANN, "first")
            assert other.workers.take_from_dead("w1", "w2") == [DIED]
        pool.disconnect()


class TestReading:
    def test_what_is_read_is_known_to_be_for_a_while(self, stores: Stores) -> None:
        stores.workers.announce_reading([FIRST])
        assert stores.workers.find_read_elsewhere([SECOND, FIRST]) == [False, True]
        assert 0 < stores.client.pttl(answer_key(ANN, "first", "read")) <= READ_MS

    def test_nothing_read_is_nothing_said(self, stores: Stores) -> None:
        stores.workers.announce_reading([])
        assert stores.workers.find_read_elsewhere([]) == []
        assert stores.client.keys("*") == []


def _silence(stores: Stores, worker: str, milliseconds: int) -> None:
    """Let that worker seem to have been silent for this long."""
    seconds, microseconds = stores.client.time()
    stores.client.zadd(ALIVE, {worker: seconds * 1000 + microseconds // 1000 - milliseconds})


def _waiting(stores: Stores, act: Callable[[], object], *followed: FollowedAnswer) -> tuple[WorkerNews, float]:
    """Return what a worker that waits hears when this is done, and how many seconds after that."""
    heard: list[WorkerNews] = []
    asking = threading.Event()

    def wait() -> None:
        asking.set()
        heard.append(stores.workers.wait_for_news("w1", dict.fromkeys(followed, "1-0"), LONG))

    waiting = threading.Thread(target=wait)
    waiting.start()
    asking.wait()
    began = time.monotonic()
    act()
    waiting.join()
    return heard[0], time.monotonic() - began
