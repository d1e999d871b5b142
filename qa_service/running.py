"""An answer's life: it runs on its own and writes a log; connections come, read the log, and go.

The line runs in a thread of its own (a greenlet, where the server has patched the standard library). A second
thread, one a worker, lives as long as answers do: it renews their marks, hears who was stopped elsewhere, and
ends what took too long or has no reader left.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from qa_service.errors import QAError
from qa_service.interfaces import RunningStore, Stop
from qa_service.model import Admission, Done, Failure, Frame, Metadata, Owner, Reference, Text, Turn

log = logging.getLogger(__name__)

RENEW_SECONDS = 3.0
TICK_SECONDS = 0.5
LOOK_SECONDS = 1.0
EARLY_SECONDS = 10.0
LINGER_SECONDS = 5.0
"""How long the keeper waits for a next answer before it ends."""


class StopSignal:
    """A `Stop`: set once, from any thread."""

    def __init__(self) -> None:
        self.reason = ""
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        return bool(self.reason)

    def set(self, reason: str) -> None:
        """The first reason stays. Runs what was registered, in this thread."""
        with self._lock:
            if self.reason:
                return
            self.reason, actions, self._actions = reason, self._actions, []
        for action in actions:
            action()

    def call(self, action: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            if not self.reason:
                self._actions.append(action)
                return lambda: self._forget(action)
        action()
        return lambda: None

    def _forget(self, action: Callable[[], None]) -> None:
        with self._lock, suppress(ValueError):
            self._actions.remove(action)


class MemoryLog:
    """An `AnswerLog` in this worker's memory. One writer; readers come and go, each at its own pace.

    Neither side takes a lock on the way of a delta: appending to a list is atomic, a reader makes itself known
    before it looks a last time, and the writer looks for waiting readers after it appended.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._waiting: list[threading.Lock] = []
        self.closed = False

    def append(self, frame: Frame) -> None:
        self._frames.append(frame)
        if self._waiting:
            self._wake()

    def close(self) -> None:
        """Nothing will be appended any more; readers stop waiting."""
        self.closed = True
        self._wake()

    def read(self, position: int) -> Sequence[tuple[int, Frame]]:
        return list(enumerate(self._frames[position:], position + 1))

    def wait(self, position: int, seconds: float) -> bool:
        asleep = threading.Lock()
        asleep.acquire()
        self._waiting.append(asleep)
        if len(self._frames) <= position and not self.closed:
            asleep.acquire(timeout=seconds)
        with suppress(ValueError):
            self._waiting.remove(asleep)
        return len(self._frames) > position

    def text(self) -> str:
        """The answer as far as it has come."""
        return "".join(frame.content for frame in self._frames if isinstance(frame, Text))

    def _wake(self) -> None:
        # A reader that has waited enough takes itself off the list, at any moment.
        with suppress(IndexError):
            while True:
                self._waiting.pop().release()


class Running:
    """One answer that is being written in this worker."""

    def __init__(self, admission: Admission, *, seconds: float) -> None:
        self.admission = admission
        self.owner: Owner = admission.question.owner
        self.log = MemoryLog()
        self.stop = StopSignal()
        self.ends = time.monotonic() + seconds
        self.readers = 0
        self.left = time.monotonic()
        """When the last reader went."""
        self.renewed = time.monotonic()

    def hang_up(self) -> None:
        """A reader is gone; the last one may take the answer with it."""
        self.readers -= 1
        self.left = time.monotonic()
        if not self.readers and self.admission.question.on_hangup == "cancel":
            self.stop.set("hangup")

    def turn(self) -> Turn:
        """The answer as it stands."""
        return replace(self.admission.turn, text=self.log.text())

    def finished(self) -> Turn | None:
        """The answer once it is over, pieced together from its frames; None if it broke off."""
        frames = [frame for _, frame in self.log.read(0)]
        if not frames or not isinstance(frames[-1], Done):
            return None
        return replace(
            self.turn(),
            status=frames[-1].status,
            references=tuple(frame for frame in frames if isinstance(frame, Reference)),
            metadata=next((frame for frame in frames if isinstance(frame, Metadata)), None),
            error=next((frame for frame in frames if isinstance(frame, Failure)), None),
        )


class Reader(Iterator[Sequence[tuple[int, Frame]]]):
    """One connection's view of an answer: batches of all there is, as it comes, and an empty one as a sign of life
    after `heartbeat` seconds of silence. It ends with the answer, or when `gone` says that nobody listens any more,
    which is asked about once a second of silence. Whoever reads must `close` it, even unread: that is hanging up.
    """

    def __init__(self, running: Running, *, heartbeat: float, after: int, gone: Callable[[], bool]) -> None:
        self._running = running
        self._gone = gone
        self._batches = self._read(heartbeat, after)
        self._open = True

    def __next__(self) -> Sequence[tuple[int, Frame]]:
        return next(self._batches)

    def close(self) -> None:
        """Doing it again changes nothing."""
        if self._open:
            self._open = False
            self._running.hang_up()

    def _read(self, heartbeat: float, after: int) -> Iterator[Sequence[tuple[int, Frame]]]:
        log, heard = self._running.log, time.monotonic()
        while True:
            # Looked at first: what is appended between the two looks is read in the next round.
            closed = log.closed
            batch = log.read(after)
            if batch:
                after = batch[-1][0]
                yield batch
            elif closed:
                return
            elif not self._silence(after, heard + heartbeat):
                continue
            elif self._gone():
                return
            elif time.monotonic() < heard + heartbeat:
                continue
            else:
                yield ()
            heard = time.monotonic()

    def _silence(self, after: int, until: float) -> bool:
        """Wait for a frame; True if none came for a second, or until it is time for a sign of life."""
        log = self._running.log
        return not log.wait(after, min(LOOK_SECONDS, max(0.0, until - time.monotonic()))) and not log.closed


class Runner:
    """All answers of one worker.

    Nothing here waits for a store on behalf of a reader. `close` stops what runs; each partial text is kept.
    """

    def __init__(
        self,
        line: Callable[[Admission, Stop], Iterator[Frame]],
        store: RunningStore,
        *,
        worker: str,
        answer_seconds: float,
        grace_seconds: float,
    ) -> None:
        self.worker = worker
        self._line = line
        self._store = store
        self._answer_seconds = answer_seconds
        self._grace_seconds = grace_seconds
        self._running: dict[str, Running] = {}
        self._early: dict[str, float] = {}
        """Answers that were stopped between their claim and their start, and when they may be forgotten."""
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None

    def start(self, admission: Admission) -> Running:
        """Begin to write the answer, in the background."""
        running = Running(admission, seconds=self._answer_seconds)
        with self._lock:
            self._running[admission.answer_id] = running
            if self._early.pop(admission.answer_id, None):
                running.stop.set("cancelled")
            if not (self._keeper and self._keeper.is_alive()):
                self._keeper = threading.Thread(target=self._keep, name="qa-keeper", daemon=True)
                self._keeper.start()
        threading.Thread(target=self._write, args=(running,), name="qa-answer", daemon=True).start()
        return running

    def get(self, owner: Owner, answer_id: str) -> Running | None:
        """The answer, if it runs here and is this owner's."""
        running = self._running.get(answer_id)
        return running if running and running.owner.key == owner.key else None

    def count(self) -> int:
        """How many answers are being written here."""
        return len(self._running)

    def stop(self, answer_id: str, worker: str) -> None:
        """Stop an answer here, or leave word for the worker that writes it; doesn't wait for its end."""
        if running := self._running.get(answer_id):
            running.stop.set("cancelled")
        elif worker:
            # Also where that is this one: the answer may have its place in the session, but not yet here.
            self._store.stop(answer_id, worker)

    def follow(
        self, running: Running, *, heartbeat: float, after: int = 0, gone: Callable[[], bool] = lambda: False
    ) -> "Reader":
        """A reader of everything after `after`."""
        running.readers += 1
        return Reader(running, heartbeat=heartbeat, after=after, gone=gone)

    def close(self) -> list[Running]:
        """End everything that runs here, as `interrupted`, and say what that is."""
        ended = list(self._running.values())
        for running in ended:
            running.stop.set("interrupted")
        return ended

    def _write(self, running: Running) -> None:
        try:
            for frame in self._line(running.admission, running.stop):
                running.log.append(frame)
        finally:
            running.log.close()
            with self._lock:
                self._running.pop(running.admission.answer_id, None)
            for file in running.admission.question.files:
                Path(file.path).unlink(missing_ok=True)

    def _keep(self) -> None:
        idle_since = time.monotonic()
        while True:
            if self._running:
                idle_since = time.monotonic()
            with self._lock:
                if not self._running and time.monotonic() - idle_since > LINGER_SECONDS:
                    self._keeper = None
                    return
            self._end_overdue()
            try:
                self._tend()
            except QAError:
                time.sleep(TICK_SECONDS)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in list(self._running.values()):
            if now > running.ends:
                running.stop.set("timeout")
            elif not running.readers and now - running.left > self._grace_seconds:
                running.stop.set("hangup")

    def _tend(self) -> None:
        now = time.monotonic()
        for running in list(self._running.values()):
            if now - running.renewed > RENEW_SECONDS:
                running.renewed = now
                self._store.renew(running.owner, running.turn())
        for answer_id in self._store.stopped(self.worker, TICK_SECONDS):
            self._stop_here(answer_id)

    def _stop_here(self, answer_id: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._early = {early: until for early, until in self._early.items() if until > now}
            running = self._running.get(answer_id)
            if running is None:
                self._early[answer_id] = now + EARLY_SECONDS
        if running is not None:
            running.stop.set("cancelled")
