"""One thread, which comes and goes, watches the time-outs of many."""

import os
import signal
import threading
from time import monotonic

import pytest

from qa_service.errors import Overloaded
from qa_service.upstream.watch import Watch
from tests.fakes import refuse_thread
from tests.lateness import Lateness

PATIENCE_SECONDS = 10


class Waiting:
    def __init__(self, seconds: float) -> None:
        self.due = monotonic() + seconds
        self.expired = threading.Event()

    def expire(self) -> None:
        self.expired.set()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "upstream-watch"]


def test_what_is_overdue_is_woken_soon_and_the_rest_is_not():
    watch, soon, later, late = Watch(tick=0.01), Waiting(0.02), Waiting(30), Lateness()
    with watch.watching(soon), watch.watching(later):
        assert soon.expired.wait(10)
        assert monotonic() - soon.due < 0.5 + late.seconds
        assert not later.expired.is_set()


def test_what_has_left_is_not_woken():
    watch, left, stays = Watch(tick=0.01), Waiting(0.05), Waiting(0.1)
    with watch.watching(stays):
        with watch.watching(left):
            pass
        assert stays.expired.wait(10)
        assert not left.expired.is_set()


def test_one_thread_watches_all_and_ends_when_nothing_is_left():
    watch = Watch(tick=0.01, linger=0.05)
    before = threads()
    with watch.watching(Waiting(30)), watch.watching(Waiting(30)):
        (own,) = set(threads()) - set(before)
    own.join(5)
    assert not own.is_alive()
    again = Waiting(0.01)
    with watch.watching(again):
        assert again.expired.wait(10)


def test_what_no_thread_could_be_started_for_is_not_watched_later(monkeypatch: pytest.MonkeyPatch):
    watch, refused = Watch(tick=0.01, linger=0.1), Waiting(0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_thread)
        with pytest.raises(Overloaded), watch.watching(refused):
            raise AssertionError("nobody watches here")
    with watch.watching(again := Waiting(0.01)):
        assert again.expired.wait(10)
    assert not refused.expired.is_set()


def test_a_forked_process_watches_with_a_thread_of_its_own():
    watch, here = Watch(tick=0.01), Waiting(30)
    with watch.watching(here):
        assert watches_in_a_fork(watch)


def test_a_process_watches_that_was_forked_while_its_parents_thread_looked():
    watch = Watch(tick=0.01)
    with watch._lock:
        assert watches_in_a_fork(watch)


def watches_in_a_fork(watch: Watch) -> bool:
    """Fork this process, and tell whether the watch works there."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE_SECONDS)
        with watch.watching(there := Waiting(0)):
            os._exit(0 if there.expired.wait() else 1)
    return os.waitpid(child, 0)[1] == 0
