"""A worker that is full, that drains, or that ends: who is refused, who is told to come back, and what is kept."""

import logging
import threading
import time
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from qa_service.web.serving import drain_answers, end_answers, find_runner, log_to_terminal, watch_workers
from tests.web.conftest import MakeHouse
from tests.web.house import HELD, House, frames, refusal


def draining(house: House, seconds: float) -> threading.Thread:
    thread = threading.Thread(target=drain_answers, args=(house.app, seconds))
    thread.start()
    while not house.assembly.runner.draining:
        pass
    return thread


class TestFull:
    def test_no_more_than_so_many_are_answered_at_a_time(self, make_house: MakeHouse) -> None:
        house = make_house(max_answers=1)
        first = house.begin()
        problem = refusal(house.ask("또?"), 503, "overloaded")
        assert problem["retryable"] is True
        assert problem["retryAfter"] >= 1
        house.model.go.set()
        frames(first)
        house.settle()
        assert frames(house.ask("또?"))[-1]["content"] == {"status": "completed"}

    def test_a_refused_question_leaves_nothing_behind(self, make_house: MakeHouse) -> None:
        # What the rate limit has counted stays in the store until the second look.
        house = make_house(max_answers=1, rate=(10_000, 3600))
        first = house.begin()
        before = {*house.store.keys("*")}
        refusal(house.ask("또?"), 503, "overloaded")
        assert {key for key in {*house.store.keys("*")} - before if b"workers" not in key} == set()
        house.model.go.set()
        frames(first)


class TestDraining:
    def test_it_is_not_ready_and_takes_no_question(self, house: House) -> None:
        running = house.begin()
        thread = draining(house, 5)
        ready = house.get("readyz")
        assert (ready.status_code, ready.get_json()["status"]) == (503, "draining")
        problem = refusal(house.ask("또?"), 503, "draining")
        assert (problem["retryable"], problem["retryAfter"]) == (True, 1)
        assert house.get("healthz").status_code == 200
        house.model.go.set()
        assert frames(running)[-1]["content"] == {"status": "completed"}
        thread.join(10)

    def test_what_runs_has_time_to_end(self, house: House) -> None:
        running = house.begin()
        thread = draining(house, 10)
        house.model.go.set()
        thread.join(5)
        assert not thread.is_alive()
        assert frames(running)[-1]["content"] == {"status": "completed"}

    def test_readers_of_what_does_not_end_are_told_to_come_back(self, house: House) -> None:
        running = house.begin()
        thread = draining(house, 0)
        *before, last = frames(running)
        thread.join(10)
        assert [frame["type"] for frame in before] == ["start", "text"]
        assert last["type"] == "reconnect"
        assert "seq" not in last
        assert last["content"]["reason"] == "draining"
        assert 0 < last["content"]["backoffMs"] < 5000

    def test_who_does_not_stream_is_refused(self, house: House) -> None:
        whole: list[TestResponse] = []
        house.model.go.clear()
        asking = threading.Thread(target=lambda: whole.append(house.ask(stream=False)))
        asking.start()
        house.model.asked.wait(5)
        drain_answers(house.app, 0)
        asking.join(5)
        assert refusal(whole[0], 503, "draining")["retryAfter"] == 1

    def test_another_worker_ends_what_was_left(self, house: House, make_house: MakeHouse) -> None:
        other = make_house()
        other.get("healthz")
        running = house.begin()
        answer = running.headers["X-Answer-Id"]
        drain_answers(house.app, 0)
        running.close()
        got: list[dict[str, Any]] = frames(other.get(f"answers/{answer}/stream"))
        assert [frame["type"] for frame in got] == ["start", "text", "error", "metadata", "done"]
        assert got[2]["content"]["code"] == "interrupted"
        assert other.get(f"answers/{answer}").get_json()["text"] == "안녕"


class TestEnding:
    def test_its_answers_are_ended_and_kept_with_what_was_written(self, house: House) -> None:
        response = house.begin()
        end_answers(house.app)
        said = frames(response)
        assert said[-1]["content"] == {"status": "failed"}
        assert [frame["content"]["code"] for frame in said if frame["type"] == "error"] == ["interrupted"]
        kept = house.get(f"answers/{response.headers['X-Answer-Id']}").get_json()
        assert (kept["text"], kept["status"]) == ("안녕", "failed")


def test_what_ends_an_answer_is_one_line_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = logging.getLogger("qa_service")
    monkeypatch.setattr(ours, "level", ours.level)
    log_to_terminal()
    assert ours.level == logging.INFO


class TestWithoutAService:
    @pytest.mark.parametrize("app", [Flask("empty"), lambda environ, start: [], None])
    def test_a_process_without_a_service_can_be_watched_and_ended(self, app: object) -> None:
        assert find_runner(app) is None
        watch_workers(app)
        drain_answers(app, 1)
        end_answers(app)


def test_a_worker_that_nobody_has_asked_yet_watches_over_others(house: House, make_house: MakeHouse) -> None:
    other = make_house()
    running = house.begin()
    watch_workers(other.app)
    drain_answers(house.app, 0)
    running.close()
    # Another worker looks for answers without one every few seconds, and a busy machine lets it wait.
    until, pause = time.monotonic() + 4 * HELD, threading.Event()
    while b"takeovers_total 1" not in other.assembly.meter.text() and time.monotonic() < until:
        pause.wait(0.02)
    assert b"qa_takeovers_total 1.0" in other.assembly.meter.text()
