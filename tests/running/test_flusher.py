"""These tests show how answers get into the shared log: in order, whole, in one trip, whatever the store does
meanwhile."""

import threading
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from msgspec.structs import replace

from qa_service.deltas import Opened
from qa_service.frames import Done, Frame, StageNotice, Text
from qa_service.interfaces import AppendOutcome, NewLogEntry
from qa_service.model import Prompt
from qa_service.running.flusher import Flusher
from qa_service.running.log import FAR, MemoryLog
from qa_service.running.settings import Pace
from qa_service.running.written import RunningAnswer
from qa_service.stores.keys import answer_key
from qa_service.stores.logs import LogTimes, RedisLogs
from qa_service.turns import Asked, Mark
from tests.fakes import ANN, WAITING_SECONDS, FakeMeter, admission, client
from tests.lateness import Lateness
from tests.lives import PACE, Wire, eventually

ASKED = Asked(Prompt("mini", (), "Why?"), ())


class Trips(RedisLogs):
    """A `Trips` is a `LogStore` over a Redis in memory, from which its wire can be cut. It counts the trips."""

    def __init__(self) -> None:
        self.redis, self.wire = client(), Wire()
        self.trips: list[list[NewLogEntry]] = []
        self.times: list[float] = []
        super().__init__(self.redis, self.wire, LogTimes(60, 60), worker="w1")

    def append_entries(self, entries: Sequence[NewLogEntry]) -> Sequence[AppendOutcome]:
        appended = super().append_entries(entries)
        self.trips.append(list(entries))
        self.times.append(time.monotonic())
        return appended

    def told(self, answer_id: str) -> list[tuple[int, Frame | Mark]]:
        """Return the items as anybody may read them, marks with the number of the frame that follows."""
        self.redis.hset(answer_key(ANN, answer_id, "at"), "session", "s")
        logged = self.read_log(ANN, answer_id)
        assert logged
        entries: list[tuple[int, Frame | Mark]] = []
        for piece in logged.entries:
            number = piece.first
            for item in piece.items:
                entries.append((number, item))
                number += not isinstance(item, Mark)
        return entries


class House:
    """A `House` is a flusher, its store, and the answers it is done with."""

    def __init__(self, pace: Pace = PACE) -> None:
        self.store, self.meter = Trips(), FakeMeter()
        self.done: list[RunningAnswer] = []
        self.unsaved: set[str] = set()
        self.flusher = Flusher(self.store, self.unsaved, self.meter, done=self.done.append, pace=pace)

    def answer(self, *said: str, number: int = 1) -> RunningAnswer:
        asked = admission(answer_id=f"{number}" * 32)
        running = RunningAnswer(asked, MemoryLog(), seconds=60, entries=0)
        self.say(running, *said)
        self.flusher.add_answer(running)
        return running

    def say(self, running: RunningAnswer, *said: str | Frame) -> None:
        for item in said:
            running.log.append_frame(Text(item) if isinstance(item, str) else item)

    def end(self, running: RunningAnswer) -> None:
        self.say(running, Done("completed"))
        running.log.close_log()

    def told(self, running: RunningAnswer) -> list[tuple[int, Frame | Mark]]:
        return self.store.told(running.answer_id)


@pytest.fixture
def house() -> House:
    return House()


def numbered(*said: str) -> list[tuple[int, Frame | Mark]]:
    return [(number, Text(text)) for number, text in enumerate(said, 1)]


class TestFlushing:
    def test_all_answers_go_in_one_trip(self, house: House) -> None:
        answers = [house.answer("a", "b", number=number) for number in range(1, 5)]
        assert house.flusher.flush()
        assert [len(trip) for trip in house.store.trips] == [4]
        assert [house.told(running) for running in answers] == [numbered("a", "b")] * 4

    def test_where_nothing_is_new_there_is_no_trip(self, house: House) -> None:
        house.answer("a")
        house.flusher.flush()
        house.flusher.flush()
        assert len(house.store.trips) == 1

    def test_a_time_without_answers_is_no_lag(self, house: House) -> None:
        idle = 0.3
        time.sleep(idle)
        late = Lateness()
        house.answer("a")
        house.flusher.flush()
        [(what, seconds)] = house.meter.times
        assert what == "flushed"
        assert seconds < idle + late.seconds

    def test_frames_and_marks_are_kept_in_their_order(self, house: House) -> None:
        running = house.answer("a")
        running.log.marks += [(1, ASKED), (1, Opened("r1"))]
        house.say(running, "b")
        house.flusher.flush()
        running.log.marks.append((2, Opened("r2")))
        house.flusher.flush()
        house.say(running, "c")
        house.flusher.flush()
        assert house.told(running) == [
            (1, Text("a")),
            (2, ASKED),
            (2, Opened("r1")),
            (2, Text("b")),
            (3, Opened("r2")),
            (3, Text("c")),
        ]

    def test_frames_behind_a_gap_go_in_an_entry_of_their_own(self, house: House) -> None:
        running = house.answer("a", "b")
        running.log.leave_gap()
        running.log.marks.append((2, Opened("r1")))
        house.say(running, "c")
        for _ in range(3):
            house.flusher.flush()
        assert house.told(running) == [
            *numbered("a", "b"),
            (3, Opened("r1")),
            (2 + FAR, Text("c")),
        ]

    def test_a_mark_behind_a_gap_waits_for_its_frames(self, house: House) -> None:
        running = house.answer("a")
        running.log.leave_gap()
        house.say(running, "b")
        running.log.marks.append((2, Opened("r1")))
        for _ in range(3):
            house.flusher.flush()
        assert house.told(running) == [(1, Text("a")), (1 + FAR, Text("b")), (2 + FAR, Opened("r1"))]

    def test_what_is_flushed_is_counted_and_timed(self, house: House) -> None:
        house.answer("a", "b")
        house.flusher.flush()
        assert house.meter.counts["deltas"] == 2
        ((what, seconds),) = house.meter.times
        assert what == "flushed"
        assert 0 <= seconds < 5


class TestTrouble:
    def test_after_a_store_was_away_nothing_is_lost_or_repeated(self, house: House) -> None:
        running = house.answer("a")
        house.flusher.flush()
        house.store.wire.cut = True
        house.say(running, "b")
        assert not house.flusher.flush()
        house.say(running, "c")
        assert not house.flusher.flush()
        house.store.wire.cut = False
        assert house.flusher.flush()
        assert house.told(running) == numbered("a", "b", "c")

    def test_a_log_that_is_gone_is_made_again_from_the_first_frame(self, house: House) -> None:
        running = house.answer("a")
        running.log.marks.append((1, ASKED))
        house.flusher.flush()
        house.store.redis.flushall()
        house.say(running, "b")
        house.flusher.flush()
        house.flusher.flush()
        assert house.told(running) == [(1, Text("a")), (2, ASKED), (2, Text("b"))]

    def test_an_answer_that_another_worker_writes_on_is_stopped_without_a_word(self, house: House) -> None:
        running, other = house.answer("a"), house.answer("b", number=2)
        house.flusher.flush()
        house.store.redis.xadd(answer_key(ANN, running.answer_id, "log"), {"first": 2, "items": '["x"]'}, id="9-9")
        house.say(running, "mine")
        house.say(other, "c")
        assert house.flusher.flush()
        assert (running.stop.reason, running.is_flushed, other.stop.reason) == ("lost", True, "")
        assert house.told(running) == [(1, Text("a")), (2, Text("x"))]
        assert house.told(other) == numbered("b", "c")


class TestUnstorable:
    """A line lets through what can't be encoded. Its answer ends because of that, and no other answer notices."""

    @pytest.mark.parametrize("odd", [Text("\ud83d"), Text(object()), StageNotice("searching_web", query="\udfff")])
    def test_one_answer_that_cannot_be_encoded_is_stopped_and_all_others_go_on(self, house: House, odd: Frame) -> None:
        bad, good = house.answer("a"), house.answer("b", number=2)
        house.flusher.flush()
        house.say(bad, odd)
        house.say(good, "c")
        assert house.flusher.flush()
        assert (bad.stop.reason, good.stop.reason) == ("unstorable", "")
        house.end(bad)
        house.end(good)
        assert house.flusher.flush()
        assert house.told(good) == [*numbered("b", "c"), (3, Done("completed"))]
        assert house.told(bad) == [(1, Text("a")), (3, Done("completed"))]
        assert house.done == [bad, good]

    def test_a_mark_that_cannot_be_encoded_holds_up_nothing_that_follows(self, house: House) -> None:
        running = house.answer("a")
        house.flusher.flush()
        running.log.marks.append((1, Opened("\ud83d")))
        house.flusher.flush()
        house.say(running, "b")
        house.flusher.flush()
        assert (running.stop.reason, house.told(running)) == ("unstorable", numbered("a", "b"))

    def test_one_whose_log_is_gone_as_well_is_not_made_again_and_again(self, house: House) -> None:
        running = house.answer("a", "\ud83d")
        for _ in range(3):
            house.say(running, "b")
            house.flusher.flush()
        house.end(running)
        house.flusher.flush()
        assert house.done == [running]
        assert [len(entry.items) for trip in house.store.trips for entry in trip] == [3, 1, 1, 1]


class TestLettingGo:
    def test_only_what_is_over_and_flushed_is_done(self, house: House) -> None:
        running = house.answer("a")
        house.flusher.flush()
        assert house.done == []
        house.store.wire.cut = True
        house.end(running)
        house.flusher.flush()
        assert house.done == []
        house.store.wire.cut = False
        house.flusher.flush()
        assert house.done == [running]
        assert [entry.closed for trip in house.store.trips for entry in trip] == [False, True]

    @pytest.mark.parametrize("saved", [True, False])
    def test_one_that_is_still_to_be_saved_is_closed_but_not_settled(self, house: House, saved: bool) -> None:
        house.end(running := house.answer("a"))
        if not saved:
            house.unsaved.add(running.answer_id)
        house.flusher.flush()
        ((entry,),) = house.store.trips
        assert (entry.closed, entry.settled) == (True, saved)

    def test_one_that_goes_on_elsewhere_is_done_but_not_closed_for_others(self, house: House) -> None:
        running = house.answer("a")
        running.log.close_log(handed_over=True)
        house.flusher.flush()
        assert house.done == [running]
        assert [entry.closed for trip in house.store.trips for entry in trip] == [False]

    def test_one_whose_store_stays_away_is_given_up(self) -> None:
        house = House(replace(PACE, give_up=-60))
        house.store.wire.cut = True
        running = house.answer("a")
        house.end(running)
        house.flusher.flush()
        assert house.done == [running]


class TestThread:
    @pytest.fixture
    def ticking(self, house: House) -> House:
        house.flusher.ensure_running()
        return house

    def test_it_flushes_by_itself_and_rests_where_there_is_nothing(self, ticking: House) -> None:
        ticking.end(ticking.answer("a"))
        eventually(lambda: len(ticking.done) == 1)
        ticking.end(ticking.answer("a", number=2))
        eventually(lambda: len(ticking.done) == 2)

    def test_what_the_store_refuses_is_tried_again_ever_less_often_until_it_is_taken(self, ticking: House) -> None:
        key = answer_key(ANN, "1" * 32, "log")
        ticking.store.redis.set(key, "no log")
        ticking.end(ticking.answer("a"))
        eventually(lambda: len(ticking.store.times) >= 5)
        pauses = [after - before for before, after in pairwise(ticking.store.times[:5])]
        assert all(pause > 0.9 * PACE.flush * 2**number for number, pause in enumerate(pauses))
        ticking.store.redis.delete(key)
        eventually(lambda: len(ticking.done) == 1)

    def test_it_ends_when_it_is_closed_and_does_not_come_back(self, ticking: House) -> None:
        ticking.flusher.stop_flushing()
        assert ticking.flusher._thread.join(WAITING_SECONDS)
        ticking.flusher.ensure_running()
        assert ticking.flusher._thread.join(0)

    def test_a_second_call_starts_no_second_thread(self, ticking: House) -> None:
        before = threading.active_count()
        ticking.flusher.ensure_running()
        assert threading.active_count() == before
