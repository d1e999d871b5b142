"""How a test runs an answer in the background and reads it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from qa_service.interfaces import Stop
from qa_service.model import Admission, Done, Frame, Text
from qa_service.running import Runner, Running
from tests.fakes import WAITING_SECONDS, FakeRunning

T = TypeVar("T")


class Waiting:
    """A line that says one thing and then waits until it may go on or must stop."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.stopped_for = ""

    def __call__(self, admission: Admission, stop: Stop) -> Iterator[Frame]:
        yield Text("One ")
        stop.call(self.go_on.set)
        assert self.go_on.wait(WAITING_SECONDS)
        self.stopped_for = stop.reason
        yield Text("two.")
        yield Done("cancelled" if stop.is_set() else "completed")


def runner(
    line: Callable[[Admission, Stop], Iterator[Frame]],
    store: FakeRunning | None = None,
    *,
    worker: str = "w1",
    answer_seconds: float = 60,
    grace_seconds: float = 60,
) -> Runner:
    return Runner(
        line, store or FakeRunning(), worker=worker, answer_seconds=answer_seconds, grace_seconds=grace_seconds
    )


def read(runner: Runner, running: Running, after: int = 0) -> list[tuple[int, Frame]]:
    """Everything a reader gets until the end."""
    return [entry for batch in runner.follow(running, heartbeat=WAITING_SECONDS, after=after) for entry in batch]


def texts(entries: Sequence[tuple[int, Frame]]) -> list[str]:
    return [frame.content for _, frame in entries if isinstance(frame, Text)]


def eventually(look: Callable[[], T]) -> T:
    """What `look` says once it says something."""
    deadline = time.monotonic() + WAITING_SECONDS
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert seen
    return seen
