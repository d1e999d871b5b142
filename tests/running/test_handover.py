"""A worker that stops leaves its answers to others, and sends its readers there."""

import threading

import pytest
from msgspec.structs import replace

from qa_service.deltas import TextDelta
from qa_service.errors import Draining
from qa_service.frames import Done, Frame
from qa_service.stores.keys import STOPS
from tests.fakes import ANN, STOPPED, WAITING_SECONDS, KeepingUpstream, Step
from tests.lives import Waiting, Worker, World, eventually, numbered, texts, wait_opened

FIRST: tuple[Step, ...] = (TextDelta("The sky "), TextDelta("is "))
WHOLE: list[Step] = [*FIRST, TextDelta("blue."), STOPPED]


@pytest.fixture
def leaving(world: World) -> Worker:
    return world.worker(upstream=KeepingUpstream([*FIRST, threading.Event()]), background=True)


def test_nothing_more_is_written_and_nothing_is_saved(leaving: Worker) -> None:
    running = leaving.ask()
    wait_opened(leaving, running)
    eventually(lambda: running.log.text() == "The sky is ")
    leaving.runner.shut_down("handover", WAITING_SECONDS)
    assert (running.log.closed, running.log.handed_over, running.log.is_finished) == (True, True, False)
    assert running.log.text() == "The sky is "
    assert leaving.history.load_turn(ANN, running.answer_id).status == "running"


def test_another_worker_goes_on_from_the_very_next_frame(leaving: Worker, world: World) -> None:
    running = leaving.ask()
    wait_opened(leaving, running)
    eventually(lambda: running.log.text() == "The sky is ")
    upstream = KeepingUpstream()
    upstream.kept = WHOLE
    other = world.worker(upstream=upstream, background=True)
    leaving.runner.shut_down("handover", WAITING_SECONDS)
    assert other.kept(running.answer_id).text == "The sky is blue."
    told = other.read(running.answer_id)
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    assert texts(told) == ["The sky ", "is ", "blue."]
    assert other.meter.counts["gaps"] == 0


def test_its_readers_get_all_there_is_and_are_told_that_it_goes_on(leaving: Worker) -> None:
    running = leaving.ask()
    reader, got = leaving.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS), list[tuple[int, Frame]]()
    following = threading.Thread(target=lambda: got.extend(numbered(reader)))
    following.start()
    eventually(lambda: running.log.text() == "The sky is ")
    closing = threading.Thread(target=leaving.runner.shut_down, args=("handover", WAITING_SECONDS))
    closing.start()
    following.join(WAITING_SECONDS)
    assert (texts(got), reader.handed_over) == (["The sky ", "is "], True)
    reader.close()
    closing.join(WAITING_SECONDS)
    assert not closing.is_alive()


def test_who_comes_to_it_meanwhile_finds_what_others_know(leaving: Worker) -> None:
    running = leaving.ask()
    running.stop.set("handover")
    eventually(lambda: running.log.closed)
    source = leaving.runner.find_answer(ANN, running.answer_id)
    assert source is not running


def test_who_asks_how_it_stands_meanwhile_hears_what_others_made_of_it(leaving: Worker) -> None:
    leaving.runner._flusher._done = lambda running: None  # otherwise the answer would be forgotten when it is flushed
    running = leaving.ask()
    eventually(lambda: running.log.text() == "The sky is ")
    running.stop.set("handover")
    eventually(lambda: running.log.closed)
    leaving.sessions.save_turn(ANN, replace(running.current_turn(), status="failed"))
    assert leaving.runner.read_turn(ANN, running.answer_id).status == "failed"


def test_a_stop_that_comes_meanwhile_goes_to_who_writes_it_then(leaving: Worker) -> None:
    leaving.runner._flusher._done = lambda running: None
    running = leaving.ask()
    eventually(lambda: running.log.text() == "The sky is ")
    running.stop.set("handover")
    leaving.runner.stop_answer(running.answer_id)
    assert leaving.redis.xlen(STOPS) == 1


def test_no_new_question_is_let_in(leaving: Worker) -> None:
    leaving.runner.shut_down("handover", WAITING_SECONDS)
    with pytest.raises(Draining):
        leaving.ask()


def test_without_a_store_it_is_over_at_once(leaving: Worker) -> None:
    running = leaving.ask()
    eventually(running.log.text)
    leaving.wire.cut = True
    closing = threading.Thread(target=leaving.runner.shut_down, args=("handover", 60.0))
    closing.start()
    closing.join(WAITING_SECONDS)
    assert not closing.is_alive()


def test_it_waits_no_longer_than_it_may_for_readers_that_do_not_leave(leaving: Worker) -> None:
    running = leaving.ask()
    reader = leaving.runner.open_reader(running, ANN, heartbeat=WAITING_SECONDS)
    leaving.runner.shut_down("handover", 0.05)
    reader.close()


def test_an_answer_that_ends_just_then_is_over(world: World) -> None:
    line = Waiting()
    house = world.worker(line)
    running = house.ask()
    line.may_go_on.set()
    told = house.read(running)
    house.runner.shut_down("handover", WAITING_SECONDS)
    assert told[-1][1] == Done("completed")
    assert not running.log.handed_over
