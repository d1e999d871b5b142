"""An answer's frames by number: one writes, many read from anywhere and wait."""

import threading
from collections.abc import Callable

import pytest

from qa_service.deltas import Opened
from qa_service.frames import Done, Restart, Text
from qa_service.model import Prompt
from qa_service.pause import ITEMS_PER_STEP
from qa_service.running.log import BATCH_FRAMES, FAR, MemoryLog, turn_of_log
from qa_service.turns import Asked
from tests.fakes import WAITING_SECONDS, turn
from tests.lives import eventually, piece

ASKED = Asked(Prompt("mini", (), "Why?"), ())


def filled(*texts: str) -> MemoryLog:
    log = MemoryLog()
    for text in texts:
        log.append_frame(Text(text))
    return log


def broken_off() -> MemoryLog:
    """Return a log that holds a and b, a gap, c and d."""
    log = filled("a", "b")
    log.leave_gap()
    log.append_frame(Text("c"))
    log.append_frame(Text("d"))
    return log


def read_all(log: MemoryLog, after: int = 0) -> list[tuple[int, str]]:
    entries: list[tuple[int, str]] = []
    while frames := log.read_batch(after).frames:
        first = log.read_batch(after).first
        entries += [(number, frame.content) for number, frame in enumerate(frames, first) if isinstance(frame, Text)]
        after = first + len(frames) - 1
    return entries


class TestNumbers:
    def test_they_count_from_one(self) -> None:
        log = filled("a", "b")
        assert read_all(log) == [(1, "a"), (2, "b")]
        assert (log.last, len(log)) == (2, 2)

    def test_before_the_first_the_last_is_none(self) -> None:
        assert (MemoryLog().last, MemoryLog().is_finished) == (0, False)

    def test_behind_a_gap_they_are_beyond_what_anybody_has_seen(self) -> None:
        log = broken_off()
        assert read_all(log) == [(1, "a"), (2, "b"), (2 + FAR, "c"), (3 + FAR, "d")]
        assert (log.last, len(log)) == (3 + FAR, 4)

    def test_a_gap_before_anything_counts_too(self) -> None:
        log = MemoryLog()
        log.leave_gap()
        log.append_frame(Text("a"))
        assert read_all(log) == [(FAR, "a")]

    def test_whoever_has_seen_frames_of_a_log_that_begins_anew_gets_all_of_it(self) -> None:
        log = MemoryLog()
        log.add_entry(piece(6, "a", "b"))
        assert read_all(log, after=3) == [(6, "a"), (7, "b")]
        log.leave_gap()
        log.append_frame(Text("c"))
        assert read_all(log, after=3) == [(6, "a"), (7, "b"), (7 + FAR, "c")]

    def test_two_gaps_in_a_row_lie_behind_one_another(self) -> None:
        log = broken_off()
        log.leave_gap()
        log.append_frame(Text("e"))
        assert read_all(log)[-1] == (3 + 2 * FAR, "e")

    def test_no_gap_is_left_where_the_next_number_is_the_next(self) -> None:
        log = filled("a")
        log.continue_at(2)
        log.append_frame(Text("b"))
        assert len(log.read_batch(0).frames) == 2


class TestBefore:
    @pytest.mark.parametrize("log", [filled("a", "b", "c"), broken_off()])
    def test_what_comes_before_a_number_and_what_comes_behind_it_are_the_whole(self, log: MemoryLog) -> None:
        whole = log.frames_between(0, len(log))
        for after in range(log.last + 1) if log.last < FAR else (0, 1, 2, 3, FAR, 2 + FAR):
            batch = log.read_batch(after)
            behind = [text for _, text in read_all(log, after)]
            said = [*log.frames_before(batch.first), *map(Text, behind)]
            assert said == whole

    @pytest.mark.parametrize("count", range(1, 7))
    @pytest.mark.parametrize("log", [filled("a", "b", "c"), broken_off()])
    def test_a_reader_can_begin_at_the_last_frames(self, log: MemoryLog, count: int) -> None:
        after = log.number_before_last(count)
        assert [text for _, text in read_all(log, after)] == [text for _, text in read_all(log, 0)][-count:]

    def test_of_an_empty_log_all_frames_are_the_last(self) -> None:
        assert MemoryLog().number_before_last(3) == 0

    def test_there_is_nothing_before_the_first(self) -> None:
        assert list(filled("a").frames_before(1)) == []
        assert list(MemoryLog().frames_before(1)) == []

    def test_a_log_that_begins_anew_has_nothing_of_what_was_before(self) -> None:
        log = MemoryLog()
        log.add_entry(piece(6, "a", "b"))
        assert list(log.frames_before(log.read_batch(3).first)) == []
        assert list(log.frames_before(7)) == [Text("a")]


class TestReading:
    @pytest.mark.parametrize(
        ("after", "first", "said"),
        [
            (0, 1, "ab"),
            (1, 2, "b"),
            (2, 2 + FAR, "cd"),
            (3, 2 + FAR, "cd"),
            (FAR, 2 + FAR, "cd"),
            (1 + FAR, 2 + FAR, "cd"),
            (2 + FAR, 3 + FAR, "d"),
            (3 + FAR, 4 + FAR, ""),
        ],
    )
    def test_it_begins_with_the_first_frame_after_any_number(self, after: int, first: int, said: str) -> None:
        batch = broken_off().read_batch(after)
        assert (batch.first, "".join(frame.content for frame in batch.frames if isinstance(frame, Text))) == (
            first,
            said,
        )

    def test_beyond_the_last_number_there_is_nothing(self) -> None:
        assert not broken_off().read_batch(9 * FAR).frames
        assert not MemoryLog().read_batch(7).frames

    def test_a_batch_is_bounded(self) -> None:
        log = filled(*map(str, range(BATCH_FRAMES + 3)))
        sizes = [len(log.read_batch(after).frames) for after in (0, BATCH_FRAMES, BATCH_FRAMES + 3)]
        assert sizes == [BATCH_FRAMES, 3, 0]
        log.leave_gap()
        log.append_frame(Text("behind"))
        sizes = [len(log.read_batch(after).frames) for after in (0, BATCH_FRAMES, BATCH_FRAMES + 3)]
        assert sizes == [BATCH_FRAMES, 3, 1]

    def test_nothing_is_lost_over_many_batches(self) -> None:
        log = filled(*map(str, range(3 * BATCH_FRAMES + 1)))
        assert [said for _, said in read_all(log)] == [str(number) for number in range(3 * BATCH_FRAMES + 1)]


class Sleeper:
    """A `Sleeper` is a reader that waits once, in a thread of its own."""

    def __init__(self, log: MemoryLog) -> None:
        asleep = threading.Lock()
        asleep.acquire()
        self._thread = threading.Thread(target=log.wait_for_frame, args=(0, asleep), daemon=True)
        self._thread.start()
        eventually(lambda: log._waiting)

    def wakes(self) -> bool:
        self._thread.join(WAITING_SECONDS)
        return not self._thread.is_alive()


class TestWaiting:
    @pytest.mark.parametrize(
        "wake",
        [
            lambda log: log.append_frame(Text("a")),
            lambda log: log.add_entry(piece(1, "a", "b")),
            lambda log: log.close_log(),
            lambda log: log.wake_readers(),
        ],
        ids=["append", "take", "close", "ring"],
    )
    def test_it_ends_as_soon_as_there_is_something_or_somebody_rings(self, wake: Callable[[MemoryLog], None]) -> None:
        log = MemoryLog()
        sleeper = Sleeper(log)
        wake(log)
        assert sleeper.wakes()

    def test_all_who_wait_are_woken(self) -> None:
        log = MemoryLog()
        sleepers = [Sleeper(log) for _ in range(5)]
        eventually(lambda: len(log._waiting) == 5)
        log.append_frame(Text("a"))
        assert all(sleeper.wakes() for sleeper in sleepers)

    def test_it_ends_at_once_where_there_is_something_or_will_be_nothing(self) -> None:
        asleep = threading.Lock()
        asleep.acquire()
        log = filled("a")
        log.wait_for_frame(0, asleep)
        log.close_log()
        log.wait_for_frame(1, asleep)
        assert asleep.locked()
        assert log._waiting == []

    def test_one_that_was_rung_while_it_looked_can_wait_again(self) -> None:
        """Whoever rings may come between a reader's making itself known and its look."""

        class Rung(MemoryLog):
            @property
            def last(self) -> int:
                self.wake_readers()
                return 1

        asleep = threading.Lock()
        asleep.acquire()
        Rung().wait_for_frame(0, asleep)
        assert asleep.locked()

    def test_nothing_is_missed_between_a_fast_writer_and_readers_that_wait(self) -> None:
        log, got = MemoryLog(), []

        def follow() -> None:
            asleep, after = threading.Lock(), 0
            asleep.acquire()
            while not (log.closed and log.last == after):
                log.wait_for_frame(after, asleep)
                after += len(log.read_batch(after).frames)
            got.append(after)

        readers = [threading.Thread(target=follow) for _ in range(4)]
        for reader in readers:
            reader.start()
        for number in range(2000):
            log.append_frame(Text(str(number)))
        log.close_log()
        for reader in readers:
            reader.join(WAITING_SECONDS)
        assert got == [2000] * 4


class TestTaking:
    def test_frames_of_another_writer_come_once(self) -> None:
        log = MemoryLog()
        for part in (piece(1, "a", "b"), piece(1, "a", "b"), piece(2, "b", "c"), piece(3, "c", Done("completed"))):
            log.add_entry(part)
        assert read_all(log) == [(1, "a"), (2, "b"), (3, "c")]
        assert log.is_finished

    def test_a_piece_that_begins_further_on_leaves_a_gap(self) -> None:
        log = MemoryLog()
        log.add_entry(piece(1, "a"))
        log.add_entry(piece(70, "b", "c"))
        assert read_all(log) == [(1, "a"), (70, "b"), (71, "c")]

    def test_marks_have_no_number_and_keep_their_place(self) -> None:
        log = MemoryLog()
        log.add_entry(piece(1, "a", ASKED, Opened("r1"), "b"))
        assert read_all(log) == [(1, "a"), (2, "b")]
        assert log.marks == [(1, ASKED), (1, Opened("r1"))]

    def test_a_mark_that_comes_again_with_frames_that_are_here_is_the_same(self) -> None:
        log = MemoryLog()
        log.add_entry(piece(1, Opened("r1"), "a"))
        log.add_entry(piece(1, Opened("r1"), "a", "b"))
        assert read_all(log) == [(1, "a"), (2, "b")]
        assert log.marks == [(0, Opened("r1"))]


class TestTelling:
    def test_places_and_runs_are_those_of_the_frames_here(self) -> None:
        log = broken_off()
        assert [log.end_of_run(place) for place in range(5)] == [2, 2, 4, 4, 4]
        assert log.frames_between(1, 3) == [Text("b"), Text("c")]
        assert [log.number_at(place) for place in (-1, 0, 2, 4)] == [0, 1, 2 + FAR, 4 + FAR]

    def test_the_text_begins_again_with_a_restart(self) -> None:
        log = filled("a", "b")
        log.append_frame(Restart("model"))
        log.append_frame(Text("c"))
        assert log.text() == "c"

    def test_only_its_last_frame_makes_it_finished(self) -> None:
        log = filled("a")
        log.close_log()
        assert not log.is_finished
        log.append_frame(Done("completed"))
        assert log.is_finished

    def test_a_turn_is_running_with_the_text_so_far_until_the_last_frame(self) -> None:
        log = filled("So ", "far.")
        told = turn_of_log(turn(), log)
        assert (told.text, told.status, told.metadata) == ("So far.", "running", None)
        log.append_frame(Done("incomplete"))
        assert turn_of_log(turn(), log).status == "incomplete"


class TestOver:
    def test_a_log_is_over_as_soon_as_its_last_frame_can_be_read(self) -> None:
        log = filled("a")
        assert not log.is_over
        log.append_frame(Done("completed"))
        assert log.is_over

    @pytest.mark.parametrize("handed_over", [False, True])
    def test_a_log_that_broke_off_is_over_unless_it_goes_on_elsewhere(self, handed_over: bool) -> None:
        log = filled("a")
        log.close_log(handed_over=handed_over)
        assert log.is_over is not handed_over

    def test_of_very_many_frames_is_told_with_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[int] = []
        monkeypatch.setattr("qa_service.pause.give_way", lambda: pauses.append(1))
        log = MemoryLog()
        log.add_entry(piece(1, *["a"] * (ITEMS_PER_STEP + 1), Done("completed")))
        assert len(turn_of_log(turn(), log).text) == ITEMS_PER_STEP + 1
        assert pauses
