"""This module has workers that share a store: how a test runs answers, reads them, cuts a worker off and lets it
die."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from fakeredis import FakeRedis, FakeServer

from qa_service.answering import AnswerLine
from qa_service.deltas import Opened
from qa_service.desk import Desk
from qa_service.errors import StoreUnavailable
from qa_service.frames import Done, Frame, Text
from qa_service.interfaces import AnswerSoFar, AnswerWriter, LogEntry, Stop
from qa_service.model import Owner, Question
from qa_service.prompting import Site
from qa_service.running.log import Batch
from qa_service.running.presence import Presence
from qa_service.running.runner import Runner
from qa_service.running.settings import Pace, RunnerSettings
from qa_service.running.shared import SharedStores
from qa_service.running.source import AnswerSource
from qa_service.running.unsaved import UnsavedTurns
from qa_service.running.written import RunningAnswer
from qa_service.stores.guard import StoreGuard
from qa_service.stores.history import RedisHistory
from qa_service.stores.logs import LogTimes, RedisLogs
from qa_service.stores.passages import RedisFiles
from qa_service.stores.repeats import RedisRepeats
from qa_service.stores.sessions import Kept, RedisSessions
from qa_service.stores.workers import RedisWorkers
from qa_service.turns import Admission, Mark, Turn
from tests.fakes import ANN, WAITING_SECONDS, FakeMeter, FakeUpstream, desk, fake_server, parts

T = TypeVar("T")
KEPT = Kept(60, 100, answer=60, log=60, bytes=1 << 30)
PACE = Pace(flush=0.01, tick=0.02, look=0.02, beat=0.05, settle=0.3, news=0.1, pause=0.02)
"""These are a worker's durations, as short as a test on a busy machine can bear."""


class Waiting:
    """A `Waiting` is a line that begins, says one thing, and then waits until it may go on or must stop."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.stopped_for = ""
        self.said: list[AnswerSoFar] = []

    def write_answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        yield admission.build_start()
        yield Text("One ")
        yield from self._end(stop)

    def continue_answer(self, admission: Admission, said: AnswerSoFar, stop: Stop) -> Iterator[Frame | Mark]:
        self.said.append(said)
        yield from self._end(stop)

    def _end(self, stop: Stop) -> Iterator[Frame | Mark]:
        stop.call_when_set(self.may_go_on.set)
        assert self.may_go_on.wait(WAITING_SECONDS)
        self.stopped_for = stop.reason
        if stop.reason not in ("handover", "lost"):
            yield Text("two.")
            yield Done("cancelled" if stop.is_set() else "completed")


class Saying:
    """A `Saying` is a line that says these things, whoever asks."""

    def __init__(self, *items: Frame | Mark) -> None:
        self._items = items

    def write_answer(self, admission: Admission, stop: Stop) -> Iterator[Frame | Mark]:
        yield from (admission.build_start(), *self._items)

    def continue_answer(self, admission: Admission, said: AnswerSoFar, stop: Stop) -> Iterator[Frame | Mark]:
        yield from self._items


class Wire(StoreGuard):
    """A `Wire` is a worker's way to the store, which a test may cut."""

    def __init__(self) -> None:
        super().__init__(pause=0.01)
        self.cut = False

    def __enter__(self) -> None:
        if self.cut:
            raise StoreUnavailable("The store does not answer.", retry_after=1)
        super().__enter__()

    @property
    def is_refusing(self) -> bool:
        """Tell whether calls are refused, because the last one got no reply."""
        return self._refuses_until is not None


class Worker:
    """A `Worker` is one worker with everything that answers. `upstream` is asked where no other line is given."""

    def __init__(
        self, server: FakeServer, folder: Path, name: str, line: AnswerWriter | None, **options: object
    ) -> None:
        self.redis, self.wire, self.meter = FakeRedis(server=server), Wire(), FakeMeter()
        self.upstream = options.pop("upstream", None) or FakeUpstream()
        longest = options.pop("longest", 1_000_000)
        settings = RunnerSettings(
            **{
                "answers": 100,
                "answer_seconds": 60.0,
                "grace_seconds": 60.0,
                "background": False,
                "pace": PACE,
                **options,
            },
        )
        self.sessions = RedisSessions(self.redis, self.wire, KEPT, worker=name)
        self.logs = RedisLogs(self.redis, self.wire, LogTimes(60, 60), worker=name)
        self.workers = RedisWorkers(self.redis, self.wire, waiting=self.redis, seconds=60)
        self.history = RedisHistory(self.redis, self.wire, self.logs)
        self.unsaved = UnsavedTurns(self.sessions, partial(self.workers.drop_held, name))
        self.presence = Presence(folder, name, folder)
        shared = SharedStores(self.unsaved, self.logs, self.workers, self.history.load_turn)
        self.parts = parts(
            self.upstream,
            sessions=self.sessions,
            files=RedisFiles(self.redis, self.wire, seconds=60, single=60),
            meter=self.meter,
            save_later=self.unsaved.add_turn,
            longest=longest,
            site=Site("Be plain.", cite_links=True),
        )
        self.runner = Runner(
            line or AnswerLine(self.parts),
            shared,
            self.meter,
            presence=self.presence,
            settings=settings,
        )
        self.desk = self._desk(settings.background)
        self.runner.ensure_threads()

    def ask(
        self, text: str = "Why?", *, session_id: str = "chat", owner: Owner = ANN, **fields: object
    ) -> RunningAnswer:
        """Begin an answer here."""
        admitted = self.desk.admit(Question(text, owner, session_id, **fields))
        assert isinstance(admitted, Admission)
        return self.runner.start_answer(admitted)

    def read(self, answer: AnswerSource | str, after: int = 0) -> list[tuple[int, Frame]]:
        """Read, and return everything that a reader here gets until the end."""
        source = self.runner.find_answer(ANN, answer, after) if isinstance(answer, str) else answer
        assert source
        reader = self.runner.open_reader(source, ANN, heartbeat=WAITING_SECONDS, after=after)
        try:
            return numbered(reader)
        finally:
            reader.close()

    def kept(self, answer_id: str) -> Turn:
        """Return the turn as it was saved, once it was."""

        eventually(lambda: self.history.load_turn(ANN, answer_id).metadata)
        return self.history.load_turn(ANN, answer_id)

    def wait_text(self, answer_id: str, text: str) -> None:
        """Wait until the worker writes this answer, its text is this, and others can read all of it."""

        def is_told() -> bool:
            running = self.runner._running.get(answer_id)
            return running is not None and running.log.text() == text and running.is_flushed

        eventually(is_told)

    def die(self) -> None:
        """Let nothing of the worker reach the store any more. The system takes its lock."""
        self.wire.cut = True
        self.presence.delete_file()

    def revive(self) -> None:
        """Let the worker reach the store again. It was only away for a moment, and doesn't know what happened
        meanwhile."""
        self.wire.cut = False

    def end(self) -> None:
        """End the worker, and also what it was just taking over from another one that ended."""
        self.runner._keeper.check_soon()
        self.runner._keeper._thread.join(WAITING_SECONDS)
        self.runner.shut_down("interrupted", 0.0)

    def _desk(self, background: bool) -> Desk:
        return desk(
            self.sessions,
            repeats=RedisRepeats(self.redis, self.wire),
            room=self.runner,
            meter=self.meter,
            stop=self.runner.stop_answer,
            background=background,
        )


class World:
    """A `World` is a store in memory, and the workers of one machine that share it."""

    def __init__(self, folder: Path) -> None:
        self.server = fake_server()
        self._folder = folder
        self._workers: list[Worker] = []

    def worker(self, line: AnswerWriter | None = None, *, name: str = "", **options: object) -> Worker:
        """Begin one more worker, with settings such as `answers`, `background` or `pace`, and an `upstream`."""
        name = name or f"w{len(self._workers) + 1}"
        self._workers.append(Worker(self.server, self._folder, name, line, **options))
        return self._workers[-1]

    def close(self) -> None:
        """End all of them, so that nobody asks the store any more."""
        self.server.connected = True
        for worker in self._workers:
            worker.revive()
        for worker in self._workers:
            worker.runner.shut_down("interrupted", 0.5)
        for worker in self._workers:
            worker.end()


def numbered(batches: Iterable[Batch]) -> list[tuple[int, Frame]]:
    """Return frames with their numbers, without signs of life."""
    return [(number, frame) for first, frames in batches for number, frame in enumerate(frames, first)]


def texts(entries: Iterable[tuple[int, Frame]]) -> list[str]:
    """Return the pieces of text among them."""
    return [frame.content for _, frame in entries if isinstance(frame, Text)]


def piece(first: int, *items: Frame | Mark | str) -> LogEntry:
    """Return an entry of a log. Texts may be plain strings."""
    return LogEntry(first, [Text(item) if isinstance(item, str) else item for item in items])


def wait_opened(worker: Worker, running: RunningAnswer) -> None:
    """Wait until upstream has opened the answer, and others know."""
    eventually(lambda: any(isinstance(mark, Opened) for _, mark in running.log.marks) and running.is_flushed)


def eventually(look: Callable[[], T]) -> T:
    """Return what `look` says once it says something."""
    deadline = time.monotonic() + WAITING_SECONDS
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert seen
    return seen
