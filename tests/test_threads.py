"""Some threads are there as long as they are wanted, and others wait for their work."""

import _thread
import threading
from collections.abc import Iterator
from weakref import ref

import pytest

from qa_service.errors import Overloaded
from qa_service.threads import ParkedThread, RestartableThread
from tests.fakes import WAITING_SECONDS, refuse_thread
from tests.lives import eventually


class Work:
    """A `Work` is what the thread runs: it counts who runs it, and waits for its end."""

    def __init__(self) -> None:
        self.begun: list[threading.Thread] = []
        self.may_end = threading.Event()

    def __call__(self) -> None:
        self.begun.append(threading.current_thread())
        assert self.may_end.wait(WAITING_SECONDS)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_end.set()
    for thread in work.begun:
        thread.join(WAITING_SECONDS)


def test_many_who_ask_for_it_at_once_start_one(work: Work) -> None:
    thread, gate = RestartableThread("t", work), threading.Barrier(16)

    def ask() -> None:
        gate.wait()
        thread.ensure_running()

    asking = [threading.Thread(target=ask) for _ in range(16)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    eventually(lambda: work.begun)
    assert len(work.begun) == 1


def test_one_that_is_gone_is_started_again(work: Work) -> None:
    work.may_end.set()
    thread = RestartableThread("t", work)
    for number in (1, 2):
        thread.ensure_running()
        assert thread.join(WAITING_SECONDS)
        assert len(work.begun) == number


def test_one_that_the_system_refuses_is_started_when_it_is_asked_for_again(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    thread = RestartableThread("t", work)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_thread)
        thread.ensure_running()
    assert (thread.is_started, thread.join(0)) == (False, True)
    assert "the thread t could not be started" in caplog.text
    thread.ensure_running()
    eventually(lambda: work.begun)


def test_one_that_was_retired_is_never_started_again(work: Work) -> None:
    thread = RestartableThread("t", work)
    thread.ensure_running()
    eventually(lambda: work.begun)
    thread.retire()
    assert not thread.join(0)
    work.may_end.set()
    assert thread.join(WAITING_SECONDS)
    thread.ensure_running()
    assert len(work.begun) == 1


def test_a_parked_one_runs_what_it_is_given_and_no_sooner() -> None:
    ran = threading.Event()
    parked = ParkedThread()
    assert not ran.wait(0.02)
    parked.run(ran.set)
    assert ran.wait(WAITING_SECONDS)


def test_a_parked_one_that_is_dismissed_ends() -> None:
    parked = ParkedThread()
    seen = ref(parked)
    parked.dismiss()
    del parked
    eventually(lambda: seen() is None)  # its thread was the last to know it


def test_a_parked_one_that_the_system_refuses_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", refuse_thread)
    with pytest.raises(Overloaded) as refusal:
        ParkedThread()
    assert refusal.value.retry_after
