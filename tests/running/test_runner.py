"""An answer's life in one worker: it goes on without its readers, and ends for every reason it may end for."""

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.deltas import TextDelta
from qa_service.errors import Draining, NotFound, Overloaded, RateLimited, StoreUnavailable
from qa_service.frames import Done, Frame, Metadata, Text
from qa_service.interfaces import Stop
from qa_service.model import Owner, Prompt, Question
from qa_service.running.mirror import MirroredAnswer
from qa_service.running.runner import READERS
from qa_service.running.written import RunningAnswer
from qa_service.stores.keys import ALIVE, answer_key
from qa_service.turns import Admission, Asked, Mark
from tests.fakes import ANN, BEN, BUG, DOWN, STOPPED, WAITING_SECONDS, FakeUpstream, Step, kinds, refuse_thread, upload
from tests.lives import PACE, Saying, Waiting, Worker, World, eventually, numbered, texts


@pytest.fixture
def house(world: World, line: Waiting) -> Worker:
    return world.worker(line)


def said(running: RunningAnswer) -> str:
    """Wait until something was."""
    return eventually(running.log.text)


class TestReading:
    def test_the_first_frames_are_there_before_the_rest_is_written(self, house: Worker, line: Waiting) -> None:
        running = house.ask()
        assert said(running) == "One "
        line.may_go_on.set()
        assert kinds([frame for _, frame in house.read(running)]) == ["start", "text", "done"]

    def test_every_reader_gets_the_same_however_late(self, house: Worker, line: Waiting) -> None:
        running, got = house.ask(), []
        readers = [threading.Thread(target=lambda: got.append(house.read(running))) for _ in range(5)]
        for reader in readers:
            reader.start()
        eventually(lambda: running.readers == 5)
        line.may_go_on.set()
        for reader in readers:
            reader.join()
        assert got == [house.read(running)] * 5
        assert texts(got[0]) == ["One ", "two."]

    def test_silence_gives_signs_of_life(self, house: Worker) -> None:
        said(running := house.ask())
        with closing(house.runner.open_reader(running, ANN, heartbeat=0.03)) as reader:
            assert [len(next(iter(reader)).frames) for _ in range(3)] == [2, 0, 0]

    def test_a_reader_that_left_in_silence_is_noticed(self, house: Worker) -> None:
        said(running := house.ask(on_hangup="cancel"))
        with closing(house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS, gone=lambda: True)) as reader:
            assert texts(numbered(reader)) == ["One "]
        assert eventually(lambda: running.stop.reason) == "hangup"


class TestFinding:
    def test_only_its_owner_finds_it(self, house: Worker) -> None:
        running = house.ask()
        assert house.runner.find_answer(ANN, running.answer_id) is running
        for owner, answer_id in ((BEN, running.answer_id), (ANN, "0" * 32)):
            with pytest.raises(NotFound):
                house.runner.find_answer(owner, answer_id)
            with pytest.raises(NotFound):
                house.runner.read_turn(owner, answer_id)

    def test_visitors_are_one_owner_from_whichever_address(self, house: Worker) -> None:
        visitor = replace(ANN, kind="anonymous", address="1" * 32)
        running = house.ask(owner=visitor, session_id="x" * 22)
        moved = replace(visitor, address="2" * 32)
        assert house.runner.find_answer(moved, running.answer_id) is running
        assert house.runner.read_turn(moved, running.answer_id).status == "running"

    def test_it_is_counted_while_it_is_written(self, house: Worker, line: Waiting) -> None:
        running = house.ask()
        assert house.runner.count_answers() == 1
        line.may_go_on.set()
        house.read(running)
        eventually(lambda: house.runner.count_answers() == 0)

    def test_it_is_a_running_turn_with_the_text_so_far(self, house: Worker) -> None:
        running = house.ask()
        said(running)
        turn = house.runner.read_turn(ANN, running.answer_id)
        assert (turn.text, turn.status, turn.question) == ("One ", "running", "Why?")

    def test_over_it_is_read_from_the_store_and_nothing_comes_after_its_last_number(
        self, house: Worker, line: Waiting
    ) -> None:
        line.may_go_on.set()
        running = house.ask()
        told = house.read(running)
        eventually(lambda: isinstance(house.runner.find_answer(ANN, running.answer_id), MirroredAnswer))
        assert house.read(running.answer_id) == told
        assert house.runner.find_answer(ANN, running.answer_id, after=4) is None
        assert house.read(running.answer_id, after=3) == [(4, Done("completed"))]

    def test_nothing_comes_after_the_last_number_of_one_just_ended(self, house: Worker, line: Waiting) -> None:
        running = house.ask()
        house.wire.cut = True
        line.may_go_on.set()
        house.read(running)
        assert house.runner.find_answer(ANN, running.answer_id, after=4) is None
        assert house.runner.find_answer(ANN, running.answer_id, after=3) is running

    def test_what_was_saved_is_what_was_told(self, world: World) -> None:
        house = world.worker(upstream=FakeUpstream([TextDelta("See https://example.com/a."), DOWN]))
        running = house.ask()
        told = [frame for _, frame in house.read(running)]
        assert kinds(told) == ["start", "text", "reference", "error", "metadata", "done"]
        assert running.current_turn() == house.kept(running.answer_id)


class TestUnstorable:
    def test_an_answer_that_cannot_be_encoded_ends_alone_and_all_its_readers_hear_so(self, world: World) -> None:
        go = threading.Event()
        bad: list[Step] = [TextDelta("Half "), go, TextDelta("\ud83d"), TextDelta("more"), STOPPED]
        good: list[Step] = [TextDelta("All "), go, TextDelta("of it."), STOPPED]
        house, there = world.worker(upstream=FakeUpstream(bad, good)), world.worker(Waiting())
        broken = house.ask()
        said(broken)
        whole = house.ask(session_id="other")
        said(whole)
        got: dict[str, list[tuple[int, Frame]]] = {}
        reading = [
            threading.Thread(target=lambda name=name, worker=worker: got.update({name: worker.read(broken.answer_id)}))
            for name, worker in (("here", house), ("there", there))
        ]
        for thread in reading:
            thread.start()
        go.set()
        for thread in reading:
            thread.join(WAITING_SECONDS)
        assert kinds([frame for _, frame in got["here"]]) == ["start", "text", "error", "metadata", "done"]
        assert got["there"] == got["here"]
        assert (texts(got["here"]), got["here"][-1][1]) == (["Half "], Done("failed"))
        assert (house.kept(broken.answer_id).text, house.kept(broken.answer_id).status) == ("Half ", "failed")
        assert "".join(texts(there.read(whole.answer_id))) == "All of it."


class TestPlaces:
    def test_there_are_so_many_and_no_more(self, world: World, line: Waiting) -> None:
        house = world.worker(line, answers=2)
        house.runner.reserve_place()
        running = house.ask()
        with pytest.raises(Overloaded) as refusal:
            house.ask("And?", session_id="other")
        assert refusal.value.retry_after
        assert house.meter.counts["refusals overloaded"] == 1
        house.runner.release_place()
        house.ask("And?", session_id="other")
        line.may_go_on.set()
        house.read(running)
        eventually(lambda: house.runner.count_answers() == 0)
        house.ask()

    def test_none_is_given_by_a_worker_that_is_about_to_stop(self, house: Worker) -> None:
        house.runner.draining = True
        with pytest.raises(Draining) as refusal:
            house.ask()
        assert refusal.value.retry_after
        assert house.meter.counts["refusals draining"] == 1

    def test_none_is_given_where_the_system_starts_no_thread_and_nothing_is_left_behind(
        self, house: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        eventually(lambda: house.redis.exists(ALIVE))
        before = sorted(house.redis.keys())
        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", refuse_thread)
            with pytest.raises(Overloaded) as refusal:
                house.ask()
        assert refusal.value.retry_after
        assert (sorted(house.redis.keys()), house.runner.count_answers()) == (before, 0)
        assert said(house.ask()) == "One "

    def test_an_answer_that_finds_no_thread_is_taken_over_as_soon_as_there_is_one(
        self, world: World, line: Waiting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dead = world.worker(Waiting())
        running = dead.ask()
        eventually(lambda: running.log.text() and running.is_flushed)
        with monkeypatch.context() as patch:
            other = world.worker(line)
            patch.setattr(_thread, "start_new_thread", refuse_thread)
            dead.die()
            eventually(lambda: other.runner._keeper._takeovers._taken)
            assert other.runner._running == {}
        eventually(lambda: line.said)

    def test_so_many_readers_may_come_and_no_more(self, world: World, line: Waiting) -> None:
        house = world.worker(line, answers=1)
        running = house.ask()
        readers = [house.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS) for _ in range(READERS)]
        with pytest.raises(Overloaded):
            house.runner.check_room_to_read(ANN)
        readers.pop().close()
        house.runner.check_room_to_read(ANN)
        for reader in readers:
            reader.close()

    def test_one_caller_has_a_quarter_of_the_readers_and_whoever_asks_still_reads(
        self, world: World, line: Waiting
    ) -> None:
        house = world.worker(line, answers=4)
        running = house.ask()
        with ExitStack() as readers:

            def read(answer: RunningAnswer, owner: Owner) -> None:
                readers.enter_context(closing(house.runner.open_reader(answer, owner, heartbeat=WAITING_SECONDS)))

            for _ in range(1 + READERS):
                read(running, ANN)
            for refused in (partial(read, running, ANN), partial(house.runner.check_room_to_read, ANN)):
                with pytest.raises(RateLimited) as refusal:
                    refused()
                assert refusal.value.retry_after
            read(house.ask("And?", session_id="other"), ANN)
            read(running, BEN)
        house.runner.check_room_to_read(ANN)


class TestStopping:
    def test_it_takes_hold_of_an_answer_here(self, house: Worker, line: Waiting) -> None:
        running = house.ask()
        house.runner.stop_answer(running.answer_id)
        assert house.read(running)[-1] == (4, Done("cancelled"))
        assert (line.stopped_for, house.meter.counts["cancels"]) == ("cancelled", 1)

    def test_it_takes_hold_of_one_that_another_worker_writes(self, house: Worker, world: World, line: Waiting) -> None:
        running, there = house.ask(), world.worker(Waiting())
        there.runner.stop_answer(running.answer_id)
        assert house.read(running)[-1] == (4, Done("cancelled"))
        assert line.stopped_for == "cancelled"

    def test_one_that_is_stopped_before_it_has_begun_is_not_begun_in_vain(self, house: Worker) -> None:
        admitted = house.desk.admit_new(Question("Why?", ANN, "chat"))
        house.runner.stop_answer(admitted.answer_id)
        running = house.runner.start_answer(admitted)
        assert running.stop.reason == "cancelled"

    def test_what_was_stopped_early_is_forgotten_in_time(self, world: World) -> None:
        house = world.worker(Waiting(), pace=replace(PACE, early=0.0))
        house.runner.stop_answer("early")
        house.runner.stop_answer("later")
        eventually(lambda: "early" not in house.runner._early)

    def test_a_word_that_cannot_be_left_is_told(self, house: Worker) -> None:
        house.wire.cut = True
        with pytest.raises(StoreUnavailable):
            house.runner.stop_answer("elsewhere")

    def test_upstream_is_let_go_of_at_once(self, world: World) -> None:
        never: list[Step] = [TextDelta("Half"), threading.Event(), STOPPED]
        house = world.worker(upstream=(upstream := FakeUpstream(never)))
        running = house.ask()
        said(running)
        house.runner.stop_answer(running.answer_id)
        assert house.read(running)[-1][1] == Done("cancelled")
        assert upstream.closed == 1
        assert "closed" in dict(house.meter.times)

    def test_one_that_grew_too_long_ends_with_all_its_text(self, world: World) -> None:
        much: list[Step] = [TextDelta("x" * 3000), threading.Event()]
        house = world.worker(upstream=FakeUpstream(much), longest=2000)
        running = house.ask()
        told = [frame for _, frame in house.read(running)]
        metadata = next(frame for frame in told if isinstance(frame, Metadata))
        assert (metadata.finish_reason, told[-1], "error" in kinds(told)) == ("length", Done("incomplete"), False)
        kept = house.kept(running.answer_id)
        assert (kept.text, kept.status) == ("x" * 3000, "incomplete")

    def test_single_letters_are_too_long_as_well_also_while_the_store_is_away(self, world: World) -> None:
        letters: list[Step] = [*[TextDelta("가")] * 200, threading.Event()]
        house = world.worker(upstream=FakeUpstream(letters), longest=2000)
        running = house.ask()
        house.wire.cut = True
        assert house.read(running)[-1][1] == Done("incomplete")

    def test_closing_ends_everything_here_and_others_know_it_all(self, house: Worker, world: World) -> None:
        running = [house.ask(session_id=session) for session in ("a", "b")]
        house.runner.shut_down("interrupted", WAITING_SECONDS)
        there = world.worker(Waiting())
        for each in running:
            assert each.stop.reason == "interrupted"
            assert there.read(each.answer_id)[-1] == (4, Done("cancelled"))
        with pytest.raises(Draining):
            house.ask()

    def test_closing_is_carried_out_to_its_end_where_a_part_of_an_answer_does_not_stop(
        self, house: Worker, world: World
    ) -> None:
        def fail() -> None:
            raise BUG

        running = [house.ask(session_id=session) for session in ("a", "b")]
        for each in running:
            each.stop.call_when_set(fail)
        house.runner.shut_down("interrupted", WAITING_SECONDS)
        there = world.worker(Waiting())
        assert [each.stop.reason for each in running] == ["interrupted"] * 2
        assert all(isinstance(there.read(each.answer_id)[-1][1], Done) for each in running)
        assert house.presence.worker in there.presence.find_dead()


class TestUploads:
    @pytest.mark.parametrize("stopped", [False, True])
    def test_they_are_deleted_at_the_end(self, house: Worker, line: Waiting, tmp_path: Path, stopped: bool) -> None:
        (folder := tmp_path / "uploads").mkdir()
        running = house.ask(files=(upload(folder, "a.txt", "A"), upload(folder, "b.txt", "B")))
        house.runner.stop_answer(running.answer_id) if stopped else line.may_go_on.set()
        house.read(running)
        eventually(lambda: not list(folder.iterdir()))

    @pytest.mark.parametrize("background", [True, False])
    def test_they_stay_only_where_another_worker_begins_again(
        self, world: World, line: Waiting, tmp_path: Path, background: bool
    ) -> None:
        (folder := tmp_path / "uploads").mkdir()
        house = world.worker(line, background=background)
        running = house.ask(files=(upload(folder, "a.txt", "A"),))
        running.stop.set("handover")
        house.read(running)
        eventually(lambda: len(list(folder.iterdir())) == background)

    def test_one_that_has_gone_already_does_no_harm(self, house: Worker, line: Waiting, tmp_path: Path) -> None:
        running = house.ask(files=(file := upload(tmp_path, "a.txt", "A"),))
        Path(file.path).unlink()
        line.may_go_on.set()
        assert house.read(running)[-1] == (4, Done("completed"))


class TestMarks:
    @pytest.mark.parametrize("background", [True, False])
    def test_where_another_worker_could_go_on_it_knows_before_upstream_is_asked(
        self, world: World, background: bool
    ) -> None:
        known: list[str] = []

        class Looking(Saying):
            def write_answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
                yield admission.build_start()
                yield Asked(Prompt("mini", (), "Why?"), ())
                known.append(repr(worker.redis.xrange(answer_key(ANN, admission.answer_id, "log"))))
                yield Done("completed")

        worker = world.worker(Looking(), background=background, pace=replace(PACE, flush=1.0))
        worker.ask(session_id="first")  # the flusher rests after it
        eventually(lambda: len(known))
        known.clear()
        worker.read(worker.ask())
        assert ('"asked"' in "".join(known)) is background

    def test_a_line_that_breaks_lets_its_readers_go(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        broken: list[object] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda what: broken.append(what.exc_value))

        class Broken(Saying):
            def write_answer(self, admission: object, stop: object):
                yield Text("One ")
                raise BUG

        house = world.worker(Broken())
        got: list[tuple[int, Frame]] = house.read(house.ask())
        assert got == [(1, Text("One "))]
        assert house.runner.count_answers() == 0
        eventually(lambda: broken == [BUG])
