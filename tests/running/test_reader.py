"""One connection's view of an answer: everything, in its own time, with signs of life, until the end or its own."""

import threading
from collections.abc import Callable, Iterator

import pytest

from qa_service.frames import Done, Frame, Text
from qa_service.running.log import BATCH_FRAMES, MemoryLog
from qa_service.running.reader import AnswerReader, ReaderTimes
from qa_service.running.source import AnswerSource
from qa_service.running.written import RunningAnswer
from tests.fakes import WAITING_SECONDS, FakeMeter, admission
from tests.lives import eventually, numbered, texts


@pytest.fixture
def running() -> RunningAnswer:
    return RunningAnswer(admission(), MemoryLog(), seconds=60, entries=1)


@pytest.fixture
def rung(running: RunningAnswer) -> Iterator[None]:
    """Ring all the time, as the keeper does now and then."""
    over = threading.Event()

    def ring() -> None:
        while not over.wait(0.002):
            running.log.wake_readers()

    ringing = threading.Thread(target=ring)
    ringing.start()
    yield
    over.set()
    ringing.join()


def follow(
    running: RunningAnswer,
    *,
    after: int = 0,
    heartbeat: float = WAITING_SECONDS,
    gone: Callable[[], bool] = lambda: False,
    meter: FakeMeter | None = None,
    left: Callable[[AnswerSource], None] = lambda source: None,
) -> AnswerReader:
    times = ReaderTimes(heartbeat, look=0.0)
    return AnswerReader(running, meter=meter or FakeMeter(), times=times, after=after, gone=gone, left=left)


def say(running: RunningAnswer, *said: str | Frame, end: bool = True) -> None:
    for item in said:
        running.log.append_frame(Text(item) if isinstance(item, str) else item)
    if end:
        running.log.append_frame(Done("completed"))
        running.log.close_log()


class TestReading:
    def test_it_gets_what_there_is_and_what_comes_and_ends_with_the_answer(self, running: RunningAnswer) -> None:
        say(running, "a", end=False)
        reader = follow(running)
        assert next(iter(reader)) == (1, [Text("a")])
        threading.Timer(0.02, say, (running, "b")).start()
        assert numbered(reader) == [(2, Text("b")), (3, Done("completed"))]

    def test_a_resumed_one_gets_what_comes_after(self, running: RunningAnswer) -> None:
        say(running, "a", "b")
        assert numbered(follow(running, after=1)) == [(2, Text("b")), (3, Done("completed"))]
        assert numbered(follow(running, after=3)) == []

    def test_one_that_names_a_number_the_answer_never_had_is_told_its_end(self, running: RunningAnswer) -> None:
        reader = follow(running, after=99_999)
        say(running, "a", "b")
        assert numbered(reader) == [(3, Done("completed"))]

    def test_all_of_many_get_all_frames(self, running: RunningAnswer) -> None:
        got: list[list[str]] = []
        readers = [threading.Thread(target=lambda: got.append(texts(numbered(follow(running))))) for _ in range(8)]
        for reader in readers:
            reader.start()
        eventually(lambda: running.readers == 8)
        say(running, *map(str, range(2000)))
        for reader in readers:
            reader.join(WAITING_SECONDS)
        assert got == [[str(number) for number in range(2000)]] * 8

    def test_a_slow_one_gets_a_bounded_batch_at_a_time(self, running: RunningAnswer) -> None:
        say(running, *map(str, range(3 * BATCH_FRAMES)))
        sizes = [len(batch.frames) for batch in follow(running)]
        assert sizes == [BATCH_FRAMES, BATCH_FRAMES, BATCH_FRAMES, 1]

    def test_over_a_gap_it_goes_on_with_the_next_frame(self, running: RunningAnswer) -> None:
        say(running, "a", end=False)
        running.log.leave_gap()
        say(running, "b")
        assert texts(numbered(follow(running))) == ["a", "b"]


@pytest.mark.usefixtures("rung")
class TestSilence:
    def test_it_gives_signs_of_life(self, running: RunningAnswer) -> None:
        say(running, "a", end=False)
        reader = follow(running, heartbeat=0.03)
        assert [next(iter(reader)).frames for _ in range(3)] == [[Text("a")], (), ()]
        say(running, "b")
        assert texts(numbered(reader)) == ["b"]

    def test_before_its_time_there_is_none(self, running: RunningAnswer) -> None:
        asked: list[bool] = []

        def gone() -> bool:
            asked.append(True)
            return len(asked) == 5

        assert list(follow(running, heartbeat=WAITING_SECONDS, gone=gone)) == []

    def test_it_ends_when_nobody_listens_any_more(self, running: RunningAnswer) -> None:
        say(running, "a", end=False)
        reader = follow(running, gone=lambda: True)
        assert numbered(reader) == [(1, Text("a"))]
        assert not reader.handed_over


class TestLeaving:
    def test_it_says_whether_the_answer_goes_on_elsewhere(self, running: RunningAnswer) -> None:
        say(running, "a", end=False)
        running.log.close_log(handed_over=True)
        reader = follow(running)
        assert numbered(reader) == [(1, Text("a"))]
        assert reader.handed_over

    def test_it_is_counted_while_it_is_open_read_or_not(self, running: RunningAnswer) -> None:
        left: list[object] = []
        reader = follow(running, meter=(meter := FakeMeter()), left=left.append)
        assert (running.readers, meter.open, left) == (1, 1, [])
        reader.close()
        assert (running.readers, meter.open, left) == (0, 0, [running])

    def test_closing_it_again_changes_nothing(self, running: RunningAnswer) -> None:
        left: list[object] = []
        stays = follow(running)
        reader = follow(running, meter=(meter := FakeMeter()), left=left.append)
        reader.close()
        reader.close()
        assert (running.readers, meter.open, left) == (1, 0, [running])
        stays.close()
