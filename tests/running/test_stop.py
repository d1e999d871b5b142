"""A `Stop`: set once, from any thread, and what was registered with it runs."""

import logging
import time

import pytest

from qa_service.running.stop import StopSignal
from tests.fakes import BUG


def fail() -> None:
    raise BUG


class TestStopSignal:
    def test_the_first_reason_stays(self) -> None:
        stop = StopSignal()
        stop.set("cancelled")
        stop.set("timeout")
        assert (stop.is_set(), stop.reason) == (True, "cancelled")

    def test_what_was_registered_runs_once(self) -> None:
        stop, ran = StopSignal(), []
        stop.call_when_set(lambda: ran.append("early"))
        stop.set("cancelled")
        stop.set("cancelled")
        stop.call_when_set(lambda: ran.append("late"))
        assert ran == ["early", "late"]

    def test_one_action_that_fails_is_logged_and_keeps_neither_others_nor_the_caller_from_going_on(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        stop, ran = StopSignal(), []
        stop.call_when_set(lambda: ran.append("first"))
        stop.call_when_set(fail)
        stop.call_when_set(lambda: ran.append("last"))
        stop.set("cancelled")
        assert ran == ["first", "last"]
        assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]

    def test_what_was_taken_back_does_not_run(self) -> None:
        stop, ran = StopSignal(), []
        stop.call_when_set(lambda: ran.append("never"))()
        stop.set("cancelled")
        assert ran == []

    def test_taking_back_what_has_run_does_no_harm(self) -> None:
        stop, ran = StopSignal(), []
        take_back = stop.call_when_set(lambda: ran.append("ran"))
        stop.set("cancelled")
        take_back()
        stop.call_when_set(lambda: ran.append("at once"))()
        assert ran == ["ran", "at once"]

    def test_it_remembers_when_it_was_set(self) -> None:
        stop, before = StopSignal(), time.monotonic()
        stop.set("cancelled")
        first = stop.at
        stop.set("timeout")
        assert before <= first == stop.at <= time.monotonic()
