"""An answer's life: it goes on without its readers, is read by many, and ends for every reason it may end for."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import qa_service.running
from qa_service.answering import answer
from qa_service.errors import QAError, StoreUnavailable
from qa_service.interfaces import Stop
from qa_service.model import Admission, Done, Failure, Frame, Metadata, Reference, StageNotice, Start, Text, TextDelta
from qa_service.running import Running, StopSignal
from tests.fakes import (
    ANN,
    BEN,
    BUG,
    DOWN,
    STOPPED,
    WAITING_SECONDS,
    FakeRunning,
    FakeSessions,
    FakeUpstream,
    Step,
    admission,
    kinds,
    parts,
    upload,
)
from tests.lives import Waiting, eventually, read, runner, texts

pytestmark = pytest.mark.usefixtures("no_threads_left")


class TestReading:
    def test_the_first_frame_is_there_before_the_rest_is_written(self) -> None:
        house = runner(line := Waiting())
        reader = house.follow(running := house.start(admission()), heartbeat=WAITING_SECONDS)
        assert next(reader) == [(1, Text("One "))]
        line.go_on.set()
        assert texts([entry for batch in reader for entry in batch]) == ["two."]
        assert running.log.closed

    def test_every_reader_gets_the_same_frames(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission())
        got: list[list[tuple[int, Frame]]] = []
        readers = [threading.Thread(target=lambda: got.append(read(house, running))) for _ in range(5)]
        for reader in readers:
            reader.start()
        eventually(lambda: running.readers == 5)
        line.go_on.set()
        for reader in readers:
            reader.join()
        assert got == [[(1, Text("One ")), (2, Text("two.")), (3, Done("completed"))]] * 5

    def test_a_late_reader_gets_what_others_got(self) -> None:
        house = runner(line := Waiting())
        line.go_on.set()
        running = house.start(admission())
        assert read(house, running) == read(house, running)

    def test_a_resumed_reader_gets_what_comes_after(self) -> None:
        house = runner(line := Waiting())
        line.go_on.set()
        running = house.start(admission())
        assert read(house, running, after=1) == [(2, Text("two.")), (3, Done("completed"))]
        assert read(house, running, after=3) == []

    def test_silence_gives_signs_of_life(self) -> None:
        house = runner(line := Waiting())
        reader = house.follow(house.start(admission()), heartbeat=0.03)
        assert [list(next(reader)) for _ in range(3)] == [[(1, Text("One "))], [], []]
        line.go_on.set()
        assert [entry for batch in reader for entry in batch][-1] == (3, Done("completed"))

    def test_nothing_is_lost_between_a_fast_writer_and_slow_readers(self) -> None:
        def fast(admission: Admission, stop: Stop) -> Iterator[Frame]:
            yield from (Text(str(number)) for number in range(3000))
            yield Done("completed")

        house = runner(fast)
        running = house.start(admission())
        got: list[list[str]] = []
        readers = [threading.Thread(target=lambda: got.append(texts(read(house, running)))) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert got == [[str(number) for number in range(3000)]] * 4


class TestFinding:
    def test_only_its_owner_finds_it(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission())
        assert house.get(ANN, running.admission.answer_id) is running
        assert house.get(BEN, running.admission.answer_id) is None
        assert house.get(ANN, "another") is None
        line.go_on.set()

    def test_it_is_counted_while_it_is_written(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission())
        assert house.count() == 1
        line.go_on.set()
        read(house, running)
        eventually(lambda: house.count() == 0)
        assert house.get(ANN, running.admission.answer_id) is None

    def test_it_is_a_running_turn_with_the_text_so_far(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission())
        next(house.follow(running, heartbeat=WAITING_SECONDS))
        assert (running.turn().text, running.turn().status, running.finished()) == ("One ", "running", None)
        line.go_on.set()

    def test_over_it_is_the_turn_that_was_saved(self) -> None:
        known = parts(FakeUpstream([TextDelta("See https://example.com/a."), DOWN]), sessions=FakeSessions())
        house = runner(lambda admission, stop: answer(admission, known, stop))
        running = house.start(admission())
        told = [frame for _, frame in read(house, running)]
        assert kinds(told) == ["start", "text", "reference", "error", "metadata", "done"]
        assert isinstance(known.sessions, FakeSessions)
        assert [running.finished()] == known.sessions.saved


class TestHangingUp:
    def test_finish_lets_the_answer_run_on(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission(on_hangup="finish"))
        reader = house.follow(running, heartbeat=WAITING_SECONDS)
        next(reader)
        reader.close()
        assert not running.stop.is_set()
        line.go_on.set()
        assert texts(read(house, running)) == ["One ", "two."]

    def test_a_stop_that_comes_before_its_start_is_not_lost(self) -> None:
        house = runner(Waiting(), store := FakeRunning())
        asked = admission()
        store.stop(asked.answer_id, "w1")
        first = house.start(replace(asked, answer_id="other"))  # its keeper hears the word
        eventually(lambda: house._early)
        assert read(house, house.start(asked))[-1] == (3, Done("cancelled"))
        first.stop.set("cancelled")

    def test_a_reader_that_left_in_silence_is_noticed(self) -> None:
        house = runner(Waiting())
        running = house.start(admission(on_hangup="cancel"))
        reader = house.follow(running, heartbeat=0.01, gone=lambda: True)
        assert [len(batch) for batch in reader] == [1]
        reader.close()
        assert running.stop.reason == "hangup"

    def test_cancel_stops_it_with_the_last_reader(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission(on_hangup="cancel"))
        readers = [house.follow(running, heartbeat=WAITING_SECONDS) for _ in range(2)]
        for reader in readers:
            next(reader)
        readers[0].close()
        assert not running.stop.is_set()
        readers[1].close()
        assert running.stop.reason == "hangup"
        assert read(house, running)[-1] == (3, Done("cancelled"))
        assert line.stopped_for == "hangup"

    def test_a_reader_that_never_read_hangs_up_too(self) -> None:
        house = runner(Waiting())
        running = house.start(admission(on_hangup="cancel"))
        house.follow(running, heartbeat=WAITING_SECONDS).close()
        assert running.stop.reason == "hangup"

    def test_hanging_up_twice_is_once(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission(on_hangup="cancel"))
        stays, leaves = (house.follow(running, heartbeat=WAITING_SECONDS) for _ in range(2))
        leaves.close()
        leaves.close()
        assert not running.stop.is_set()
        line.go_on.set()
        assert texts([entry for batch in stays for entry in batch]) == ["One ", "two."]

    def test_nobody_coming_back_within_the_grace_stops_it(self) -> None:
        house = runner(line := Waiting(), grace_seconds=0.1)
        running = house.start(admission())
        reader = house.follow(running, heartbeat=WAITING_SECONDS)
        next(reader)
        assert not line.go_on.wait(0.3)
        reader.close()
        assert line.go_on.wait(WAITING_SECONDS)
        assert running.stop.reason == "hangup"

    def test_nobody_ever_coming_stops_it_too(self) -> None:
        house = runner(line := Waiting(), grace_seconds=0.1)
        house.start(admission())
        assert line.go_on.wait(WAITING_SECONDS)


class TestStopping:
    def test_it_takes_hold_of_an_answer_here(self) -> None:
        house = runner(line := Waiting())
        running = house.start(admission())
        house.stop(running.admission.answer_id, "w1")
        assert read(house, running)[-1] == (3, Done("cancelled"))
        assert line.stopped_for == "cancelled"

    def test_word_is_left_for_another_worker_which_hears_it(self) -> None:
        store = FakeRunning()
        here, there = runner(Waiting(), store), runner(line := Waiting(), store, worker="w2")
        running = there.start(admission())
        here.stop(running.admission.answer_id, "w2")
        assert read(there, running)[-1] == (3, Done("cancelled"))
        assert line.stopped_for == "cancelled"

    def test_an_answer_that_is_over_is_left_alone(self) -> None:
        house = runner(Waiting(), store := FakeRunning())
        house.stop("over", "")
        assert store.words == {}

    def test_the_time_limit_ends_it(self) -> None:
        house = runner(line := Waiting(), answer_seconds=0.1)
        running = house.start(admission())
        read(house, running)
        assert line.stopped_for == running.stop.reason == "timeout"

    def test_closing_stops_everything_here(self) -> None:
        house = runner(Waiting())
        running = [house.start(admission()) for _ in range(2)][-1]
        house.close()
        assert read(house, running)[-1] == (3, Done("cancelled"))

    def test_upstream_is_let_go_of_at_once(self) -> None:
        never: list[Step] = [TextDelta("Half"), threading.Event(), STOPPED]
        known = parts(upstream := FakeUpstream(never))
        house = runner(lambda admission, stop: answer(admission, known, stop))
        running = house.start(admission())
        reader = house.follow(running, heartbeat=WAITING_SECONDS)
        while not texts(next(reader)):
            pass
        house.stop(running.admission.answer_id, "w1")
        assert list(reader)[-1][-1][1] == Done("cancelled")
        assert upstream.closed == 1


class TestKeeping:
    def test_others_are_told_now_and_then_how_far_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(qa_service.running, "RENEW_SECONDS", 0.05)
        house = runner(line := Waiting(), store := FakeRunning())
        house.start(admission())
        assert [store.renewed.get(timeout=WAITING_SECONDS).text for _ in range(2)] == ["One ", "One "]
        line.go_on.set()

    @pytest.mark.parametrize("failure", [DOWN, QAError("The store was asked for something wrong.")])
    def test_a_store_that_fails_for_a_moment_changes_nothing(self, failure: QAError) -> None:
        store = FakeRunning(failure, failure)
        house = runner(line := Waiting(), store)
        running = house.start(admission())
        eventually(lambda: not store.failures)
        store.stop(running.admission.answer_id, "w1")
        assert line.go_on.wait(WAITING_SECONDS)

    def test_it_ends_of_itself_and_begins_again_with_the_next_answer(self) -> None:
        house = runner(line := Waiting(), store := FakeRunning())
        line.go_on.set()
        read(house, house.start(admission()))
        eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "qa-keeper"])
        line.go_on.clear()
        running = house.start(admission())
        store.stop(running.admission.answer_id, "w1")
        assert read(house, running)[-1] == (3, Done("cancelled"))

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_one_that_broke_is_replaced_with_the_next_answer(self) -> None:
        house = runner(line := Waiting(), store := FakeRunning(BUG))
        house.start(admission())
        eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "qa-keeper"])
        running = house.start(admission())
        store.stop(running.admission.answer_id, "w1")
        assert line.go_on.wait(WAITING_SECONDS)

    def test_one_keeper_serves_all_answers(self) -> None:
        house = runner(line := Waiting())
        for _ in range(3):
            house.start(admission())
        assert len([thread for thread in threading.enumerate() if thread.name == "qa-keeper"]) == 1
        line.go_on.set()


def broken(admission: Admission, stop: Stop) -> Iterator[Frame]:
    yield Text("One ")
    raise StoreUnavailable


class TestUploads:
    def test_they_are_deleted_at_the_end(self, tmp_path: Path) -> None:
        house = runner(line := Waiting())
        files = (upload(tmp_path, "a.txt", "A"), upload(tmp_path, "b.txt", "B"))
        running = house.start(admission(files=files))
        line.go_on.set()
        read(house, running)
        eventually(lambda: not list(tmp_path.iterdir()))

    def test_they_are_deleted_when_it_is_stopped(self, tmp_path: Path) -> None:
        house = runner(Waiting())
        house.start(admission(files=(upload(tmp_path, "a.txt", "A"),)))
        house.close()
        eventually(lambda: not list(tmp_path.iterdir()))

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_they_are_deleted_and_readers_let_go_when_the_line_breaks(self, tmp_path: Path) -> None:
        house = runner(broken)
        running = house.start(admission(files=(upload(tmp_path, "a.txt", "A"),)))
        assert read(house, running) == [(1, Text("One "))]
        eventually(lambda: not list(tmp_path.iterdir()))
        assert (running.finished(), house.count()) == (None, 0)

    def test_one_that_has_gone_already_does_no_harm(self, tmp_path: Path) -> None:
        house = runner(line := Waiting())
        line.go_on.set()
        running = house.start(admission(files=(file := upload(tmp_path, "a.txt", "A"),)))
        Path(file.path).unlink(missing_ok=True)
        assert read(house, running)[-1] == (3, Done("completed"))


def test_what_finished_is_pieced_together_from_frames() -> None:
    running = Running(admission(), seconds=60)
    assert running.finished() is None
    known = parts(FakeUpstream([TextDelta("So https://example.com."), DOWN]))
    told = list(answer(admission(), known, StopSignal()))
    for frame in told:
        running.log.append(frame)
    turn = running.finished()
    assert turn
    assert isinstance(told[0], Start)
    assert turn.references == tuple(frame for frame in told if isinstance(frame, Reference))
    assert [turn.metadata] == [frame for frame in told if isinstance(frame, Metadata)]
    assert [turn.error] == [frame for frame in told if isinstance(frame, Failure)]
    assert not [frame for frame in told if isinstance(frame, StageNotice)]
