"""These tests show what happens by the clock: time-outs, deserted answers, turns still to be saved, dead workers,
strays."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing

import pytest
from msgspec.structs import replace

from qa_service.deltas import TextDelta
from qa_service.errors import StoreUnavailable
from qa_service.frames import Done, Metadata, Text
from qa_service.interfaces import FollowedAnswer, HeldAnswer
from qa_service.model import Question
from qa_service.running.reader import AnswerReader
from qa_service.stores.keys import ALIVE, worker_key
from tests.fakes import ANN, BUG, STOPPED, WAITING_SECONDS, FakeUpstream
from tests.lives import PACE, Saying, Waiting, World, eventually, texts


class TestTime:
    def test_an_answer_that_takes_too_long_is_ended(self, world: World, line: Waiting) -> None:
        house = world.worker(line, answer_seconds=0.1)
        running = house.ask()
        house.read(running)
        assert line.stopped_for == running.stop.reason == "timeout"


class TestDeserted:
    def test_nobody_coming_back_within_the_grace_ends_it(self, world: World, line: Waiting) -> None:
        house = world.worker(line, grace_seconds=0.1)
        running = house.ask()
        with closing(house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS)) as reader:
            next(iter(reader))
            assert not line.may_go_on.wait(0.3)
        assert line.may_go_on.wait(WAITING_SECONDS)
        assert running.stop.reason == "hangup"

    def test_nobody_ever_coming_ends_it_too(self, world: World, line: Waiting) -> None:
        running = world.worker(line, grace_seconds=0.1).ask()
        assert line.may_go_on.wait(WAITING_SECONDS)
        assert running.stop.reason == "hangup"

    def test_the_last_reader_ends_it_at_once_where_that_is_wanted(self, world: World, line: Waiting) -> None:
        house = world.worker(line, pace=replace(PACE, tick=WAITING_SECONDS))
        running = house.ask(on_hangup="cancel")
        readers = [house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS) for _ in range(2)]
        readers[0].close()
        assert not running.stop.is_set()
        readers[1].close()
        assert line.may_go_on.wait(WAITING_SECONDS / 2)
        assert running.stop.reason == "hangup"

    def test_one_whose_first_reader_is_still_coming_is_not_ended(self, world: World, line: Waiting) -> None:
        house = world.worker(line)
        running = house.ask(on_hangup="cancel")
        assert not line.may_go_on.wait(0.2)
        with closing(house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS)) as reader:
            next(iter(reader))
        assert line.may_go_on.wait(WAITING_SECONDS)

    def test_one_that_somebody_came_to_while_others_were_asked_is_not_ended(self, world: World, line: Waiting) -> None:
        house, readers, came = world.worker(line), list[AnswerReader](), threading.Event()
        read_elsewhere = house.workers.find_read_elsewhere

        def come_meanwhile(followed: Sequence[FollowedAnswer]) -> Sequence[bool]:
            readers.append(house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS))
            came.set()
            return read_elsewhere(followed)

        running = house.ask(on_hangup="cancel")
        house.workers.find_read_elsewhere = come_meanwhile
        house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS).close()
        assert came.wait(WAITING_SECONDS)
        assert not line.may_go_on.wait(0.1)
        house.workers.find_read_elsewhere = read_elsewhere
        for reader in readers:
            reader.close()
        assert line.may_go_on.wait(WAITING_SECONDS)

    @pytest.mark.parametrize("wanted", ["cancel", "finish"])
    def test_it_is_not_ended_while_somebody_reads_it_on_another_worker(
        self, world: World, line: Waiting, wanted: str
    ) -> None:
        house, there = world.worker(line, grace_seconds=0.2), world.worker(Waiting())
        running = house.ask(on_hangup=wanted)
        here = house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS)
        eventually(lambda: running.is_flushed and running.log.text())
        source = there.runner.find_answer(ANN, running.answer_id)
        assert source
        elsewhere = there.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS)
        eventually(lambda: house.redis.keys("*:read"))
        here.close()
        assert not line.may_go_on.wait(0.5)
        elsewhere.close()
        house.redis.delete(*house.redis.keys("*:read"))
        assert line.may_go_on.wait(WAITING_SECONDS)
        assert running.stop.reason == "hangup"

    def test_after_the_store_was_away_it_is_not_ended_before_readers_elsewhere_could_say_so(
        self, world: World, line: Waiting
    ) -> None:
        house = world.worker(line, grace_seconds=0.05, pace=replace(PACE, settle=WAITING_SECONDS))
        running = house.ask()
        house.wire.cut = True
        keeper = house.runner._keeper
        eventually(lambda: keeper._failed_at > running.began_at)
        house.wire.cut = False
        assert not line.may_go_on.wait(0.5)

    def test_a_store_that_is_away_ends_nothing(self, world: World, line: Waiting) -> None:
        house = world.worker(line, grace_seconds=0.05)
        running = house.ask()
        house.wire.cut = True
        assert not line.may_go_on.wait(0.3)
        house.wire.cut = False
        assert line.may_go_on.wait(WAITING_SECONDS)
        assert running.stop.reason == "hangup"


class TestUnsaved:
    def test_a_turn_is_saved_when_the_store_is_back(self, world: World) -> None:
        go = threading.Event()
        house = world.worker(upstream=FakeUpstream([TextDelta("The answer "), go, TextDelta("is 42."), STOPPED]))
        running = house.ask()
        eventually(running.log.text)
        house.wire.cut = True
        go.set()
        told = [frame for _, frame in house.read(running)]
        (metadata,) = (frame for frame in told if isinstance(frame, Metadata))
        assert (metadata.saved, told[-1]) == (False, Done("completed"))
        house.wire.cut = False
        kept = house.kept(running.answer_id)
        assert (kept.text, kept.status) == ("The answer is 42.", "completed")


class TestDead:
    def test_one_whose_lock_is_gone_has_its_answers_taken_over_by_exactly_one(self, world: World) -> None:
        dead, lines = world.worker(Waiting()), [Waiting() for _ in range(3)]
        answers = [dead.ask(session_id=f"s{number}") for number in range(5)]
        eventually(lambda: all(running.log.text() and running.is_flushed for running in answers))
        others = [world.worker(line) for line in lines]
        dead.die()
        eventually(lambda: sum(len(line.said) for line in lines) == 5)
        taken = [{answer_id for answer_id in other.runner._running} for other in others]
        assert sorted(answer_id for each in taken for answer_id in each) == sorted(a.answer_id for a in answers)
        assert sum(other.meter.counts["takeovers"] for other in others) == 5

    def test_it_is_buried_once_nothing_is_left(self, world: World) -> None:
        dead, other = world.worker(Waiting()), world.worker(Waiting())
        dead.die()
        eventually(lambda: "w1" not in {path.name for path in dead.presence._folder.iterdir()})
        assert list(other.presence.find_dead()) == []

    def test_one_of_another_machine_is_dead_when_it_has_been_silent_too_long(self, world: World) -> None:
        far, line = world.worker(Waiting(), name="far"), Waiting()
        running = far.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        other = world.worker(line)
        far.wire.cut = True  # its lock is on its own machine, where nobody here sees it
        other.redis.zadd(ALIVE, {"far": 1})
        eventually(lambda: line.said)
        assert running.answer_id in other.runner._running

    def test_one_that_was_taken_for_dead_writes_no_more(self, world: World) -> None:
        """It was away for too long, and what it held is another's by now."""
        line = Waiting()
        away, other = world.worker(line), world.worker(Waiting())
        running = away.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        away.wire.cut = True
        other.redis.zadd(ALIVE, {"w1": 1})
        eventually(lambda: other.runner._running)
        away.revive()
        eventually(lambda: line.stopped_for)
        assert running.stop.reason == "lost"
        assert texts(away.read(running)) == ["One "]

    def test_one_that_comes_back_is_heard_of_before_it_begins_another_answer(self, world: World) -> None:
        pace = replace(PACE, beat=10 * WAITING_SECONDS, absent=WAITING_SECONDS)
        house = world.worker(Waiting(), pace=pace)
        house.ask()
        beat, heard = house.workers.announce_life, threading.Event()

        def beat_here(worker: str) -> tuple[Sequence[str], bool]:
            if threading.current_thread() is threading.main_thread():
                heard.set()
            return beat(worker)

        house.workers.announce_life = beat_here
        house.runner.announce_life()
        assert not heard.is_set()
        eventually(lambda: house.redis.zscore(ALIVE, "w1"))
        with house.runner._keeper._beating:
            house.runner._keeper._heard_at -= pace.absent
        house.runner.announce_life()
        assert heard.is_set()

    def test_what_a_missed_one_has_lost_is_looked_at_again_until_the_store_says_so(self, world: World) -> None:
        away, other = world.worker(Waiting()), world.worker(Waiting())
        running = away.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        lost, failures = away.workers.find_lost, [True]

        def fail_once(*arguments: object) -> object:
            if failures and failures.pop():
                raise StoreUnavailable("not now", retry_after=1)
            return lost(*arguments)

        away.workers.find_lost = fail_once
        away.wire.cut = True
        other.redis.zadd(ALIVE, {"w1": 1})
        eventually(lambda: other.runner._running)
        away.revive()
        eventually(lambda: running.stop.reason)
        assert (running.stop.reason, failures) == ("lost", [])

    def test_one_that_was_taken_for_dead_in_vain_has_all_its_time_at_its_real_end(self, world: World) -> None:
        back, other = world.worker(Waiting()), world.worker(Waiting())
        back.ask()
        eventually(lambda: back.redis.zscore(ALIVE, "w1"))
        beat, keeper = other.workers.announce_life, other.runner._keeper
        other.workers.announce_life = lambda worker: (["w1"], False)
        eventually(lambda: "w1" in keeper._takeovers._empty)
        other.workers.announce_life = beat
        eventually(lambda: "w1" not in keeper._takeovers._empty)

    def test_what_one_that_came_back_holds_is_not_taken_by_those_who_buried_it(self, world: World) -> None:
        back, other = world.worker(Waiting()), world.worker(Waiting())
        running = back.ask()
        eventually(lambda: back.redis.zscore(ALIVE, "w1"))
        other.workers.announce_life = lambda worker: (["w1"], False)
        eventually(lambda: other.runner._keeper._dead)
        time.sleep(5 * PACE.tick)
        assert (other.runner._running, running.stop.is_set()) == ({}, False)

    def test_after_a_store_was_away_for_long_those_who_live_have_time_to_say_so(self, world: World) -> None:
        """All are silent alike while it is away: who comes back first must not take what the others write."""
        pace = replace(PACE, settle=WAITING_SECONDS)
        first, second = world.worker(Waiting(), pace=pace), world.worker(line := Waiting(), pace=pace)
        running = second.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        for worker in (first, second):
            worker.wire.cut = True
        first.redis.zadd(ALIVE, {"w1": 1, "w2": 1})
        first.revive()
        eventually(lambda: (first.redis.zscore(ALIVE, "w1") or 0) > 1)
        assert not line.may_go_on.wait(0.3)
        second.revive()
        assert not first.runner._running
        assert not running.stop.is_set()

    def test_a_step_that_breaks_ends_no_other(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        house = world.worker(Waiting(), answer_seconds=0.3)
        house.workers.announce_life = broken
        running = house.ask()
        eventually(lambda: running.stop.reason == "timeout")
        assert "a step of keeping answers broke" in caplog.text

    def test_one_that_was_missed_goes_on_with_what_nobody_has_taken(self, world: World) -> None:
        line = Waiting()
        house = world.worker(line)
        running = house.ask()
        house.redis.zadd(ALIVE, {"w1": 1})
        eventually(lambda: (house.redis.zscore(ALIVE, "w1") or 0) > 1)
        assert not line.may_go_on.wait(0.1)
        assert not running.stop.is_set()

    def test_one_whose_store_came_back_older_goes_on(self, world: World) -> None:
        """What was claimed since is held by nobody there."""
        line = Waiting()
        house = world.worker(line)
        running = house.ask()
        eventually(lambda: running.is_flushed)
        house.redis.delete(worker_key("w1", "holds"))
        house.redis.zadd(ALIVE, {"w1": 1})
        eventually(lambda: (house.redis.zscore(ALIVE, "w1") or 0) > 1)
        assert not line.may_go_on.wait(0.2)
        assert not running.stop.is_set()

    def test_an_adoption_that_the_store_broke_off_is_tried_again(self, world: World) -> None:
        dead, line = world.worker(Waiting()), Waiting()
        running = dead.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        other = world.worker(line)
        adopt, failures = other.workers.adopt_answer, [True, True]

        def fail_twice(*arguments: object) -> object:
            if failures:
                other.wire.cut = failures.pop()
            try:
                return adopt(*arguments)
            finally:
                other.wire.cut = False

        other.workers.adopt_answer = fail_twice
        dead.die()
        eventually(lambda: line.said)
        assert failures == []

    def test_one_answer_that_cannot_be_adopted_holds_up_no_other(self, world: World) -> None:
        dead, line = world.worker(Waiting()), Waiting()
        bad, *good = [dead.ask(session_id=f"s{number}") for number in range(3)]
        eventually(lambda: all(running.log.text() and running.is_flushed for running in (bad, *good)))
        other = world.worker(line)
        adopt = other.workers.adopt_answer

        def refuse_one(held: HeldAnswer, worker: str) -> object:
            if held.answer_id == bad.answer_id:
                raise StoreUnavailable("not this one", retry_after=1)
            return adopt(held, worker)

        other.workers.adopt_answer = refuse_one
        dead.die()
        eventually(lambda: len(line.said) == 2)
        assert set(other.runner._running) == {running.answer_id for running in good}


class TestStrays:
    HURRIED = replace(PACE, strays=0.05)

    def test_a_claim_that_was_carried_out_without_a_reply_is_answered_all_the_same(self, world: World) -> None:
        line = Waiting()
        house = world.worker(line, pace=self.HURRIED)
        admitted = house.desk.admit_new(Question("Why?", ANN, "chat"))
        eventually(lambda: line.said)
        assert admitted.answer_id in house.runner._running

    def test_one_that_waits_to_be_adopted_is_not_taken_again(self, world: World) -> None:
        dead = world.worker(Waiting())
        running = dead.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        other, looks = world.worker(pace=self.HURRIED), list[str]()
        held_ids = other.workers.held_ids

        def refuse(held: HeldAnswer, worker: str) -> object:
            raise StoreUnavailable("not this one", retry_after=1)

        def look(worker: str) -> object:
            found = held_ids(worker)
            looks.extend(found)
            return found

        other.workers.adopt_answer = refuse
        other.workers.held_ids = look
        dead.die()
        eventually(lambda: len(looks) > 3)
        assert len(other.runner._keeper._takeovers._taken) == 1

    def test_one_that_is_dropped_meanwhile_is_nobodys(self, world: World) -> None:
        house = world.worker(Waiting(), pace=self.HURRIED)
        house.redis.hset(worker_key("w1", "holds"), "gone", "not even readable")
        held = house.workers.read_held
        asked: list[str] = []

        def look(worker: str, answer_id: str) -> object:
            house.redis.hdel(worker_key(worker, "holds"), answer_id)
            asked.append(answer_id)
            return held(worker, answer_id)

        house.workers.read_held = look
        assert eventually(lambda: asked) == ["gone"]
        assert house.runner.count_answers() == 0


def test_a_keeper_that_left_begins_no_more(world: World) -> None:
    house = world.worker(Saying(Text("a"), Done("completed")))
    house.runner.shut_down("handover", WAITING_SECONDS)
    assert house.runner._keeper._thread.join(WAITING_SECONDS)
    house.runner._keeper.ensure_running()
    assert house.runner._keeper._thread.join(0)


def broken(worker: str) -> tuple[list[str], bool]:
    """Fail as no store does, but a bug may."""
    raise BUG
