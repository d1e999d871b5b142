"""All answers of one worker: begun, read, stopped, taken over, handed over."""

import _thread
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from qa_service.errors import Draining, NotFound, Overloaded, QAError
from qa_service.frames import Frame, Text
from qa_service.interfaces import ELSEWHERE, Held, Line, Meter
from qa_service.model import Opened, Owner
from qa_service.running.adopted import admission_of, restored, said_in
from qa_service.running.flusher import Flusher
from qa_service.running.keeper import Keeper
from qa_service.running.log import MemoryLog, turn_of
from qa_service.running.mirror import Mirror, rebuilt
from qa_service.running.presence import Presence
from qa_service.running.reader import Reader
from qa_service.running.shared import Shared
from qa_service.running.tail import Tail
from qa_service.running.written import Running
from qa_service.turns import Admission, Asked, Gap, Mark, Turn

log = logging.getLogger(__name__)

EARLY_SECONDS = 60.0
"""How long a stop waits for its answer: longer than it takes until somebody misses one whose claim got no reply."""
POLL_SECONDS = 0.02
WAKE_SECONDS = 1.0
RETRY_SECONDS = 5
FRAME_BYTES = 16
"""What a piece of text counts beside its bytes, so that an answer of single letters is bounded, too."""
READERS = 3
"""For each answer that may be written here: who asked, and two that come back or come along."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How many answers at a time, and how long and how large each may be; times are seconds."""

    answers: int
    answer_seconds: float
    grace_seconds: float
    log_bytes: int


class Runner:
    """Nothing here waits for a store on behalf of who reads an answer that is written here."""

    def __init__(
        self, line: Line, shared: Shared, meter: Meter, *, bounds: Bounds, presence: Presence, background: bool
    ) -> None:
        self.draining = False
        self._line = line
        self._shared = shared
        self._meter = meter
        self._bounds = bounds
        self._worker = presence.worker
        self._background = background
        self._running: dict[str, Running] = {}
        self._ending = ""
        """Why everything ends here, once it does."""
        self._wake_at = 0.0
        self._readers = 0
        self._coming = 0
        """Answers that have a place, but haven't begun."""
        self._early: dict[str, float] = {}
        """Answers that were stopped before they were here, and when they may be forgotten."""
        self._lock = threading.Lock()
        self._flusher = Flusher(shared.logs, shared.unsaved, meter, self._forget)
        self._tail = Tail(shared, presence.worker, self._stop_here)
        self._keeper = Keeper(
            shared,
            self._tail,
            presence,
            answers=self._running,
            adopt=self._adopt,
            grace=bounds.grace_seconds,
        )

    def wake(self) -> None:
        """See that this worker listens to others and watches over them; looked at once a second, since it costs."""
        now = time.monotonic()
        if now >= self._wake_at:
            self._wake_at = now + WAKE_SECONDS
            for thread in (self._keeper, self._flusher, self._tail):
                thread.wake()

    def enter(self) -> None:
        """Take a place for one more answer; `start` or `leave` follows. Raises `Draining` or `Overloaded`."""
        with self._lock:
            if self.draining:
                raise Draining("this worker is about to stop", retry_after=1)
            if self.count() >= self._bounds.answers:
                raise Overloaded(f"{self._bounds.answers} questions are being answered here", retry_after=RETRY_SECONDS)
            self._coming += 1

    def come_back(self) -> None:
        """Let others know that this worker lives, if they could doubt it: what it claims now stays its own."""
        self._keeper.come_back()

    def leave(self) -> None:
        """Give the place back: there will be no answer."""
        with self._lock:
            self._coming -= 1

    def start(self, admission: Admission) -> Running:
        """Begin to write the answer, in the background, in the place that was taken for it."""
        running = Running(admission, MemoryLog(), seconds=self._bounds.answer_seconds, entries=1)
        self._write_from(running, self._line.answer(admission, running.stop))
        self.leave()
        return running

    def count(self) -> int:
        """How many answers are being written here, or about to be."""
        return self._coming + sum(not running.log.closed for running in list(self._running.values()))

    def open(self, owner: Owner, answer_id: str, after: int = 0) -> Running | Mirror | None:
        """The answer, wherever it is written or kept; None if nothing comes after that number. `NotFound`."""
        source = self._own(owner, answer_id) or self._tail.open(owner, answer_id)
        over = source.log.closed and not source.log.handed_over
        nothing = over and (after >= source.log.last or after == source.ended > 0)
        return None if nothing else source

    def check_room_to_read(self) -> None:
        """Raises `Overloaded` where as many read here as can, beside those who ask."""
        if self._readers >= READERS * self._bounds.answers:
            raise Overloaded(f"{self._readers} readers are connected here", retry_after=RETRY_SECONDS)

    def turn(self, owner: Owner, answer_id: str) -> Turn:
        """The answer as it stands. `NotFound`."""
        running = self._own(owner, answer_id)
        return running.turn() if running else self._shared.turn(owner, answer_id)

    def follow(
        self, source: Running | Mirror, *, heartbeat: float, after: int = 0, gone: Callable[[], bool] = lambda: False
    ) -> Reader:
        """A reader of everything after `after`."""
        self.wake()
        self._readers += 1
        return Reader(source, meter=self._meter, heartbeat=heartbeat, after=after, gone=gone, left=self._left)

    def stop(self, answer_id: str) -> None:
        """Stop an answer, wherever it is written, without waiting for its end. One that is written here needs no store.
        Raises `StoreUnavailable` where other workers can't be told now; then they are told later."""
        if not self._stop_here(answer_id):
            self._keeper.untold.tell(answer_id)

    def drain(self) -> None:
        """From now on no more answers begin here, nor are any taken over."""
        self.draining, self._keeper.taking = True, False

    def close(self, reason: str, seconds: float) -> None:
        """End here whatever is still written, for this reason; see that others know it all, and that readers hear of
        it. With `handover` other workers go on with it."""
        self.drain()
        self._ending = reason
        for running in list(self._running.values()):
            running.stop.set(reason)
        self._tail.close()
        with suppress(QAError):
            self._shared.unsaved.save()
        until = time.monotonic() + seconds
        while (self._running or self._readers or self._coming) and self._flusher.flush() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        self._flusher.close()
        self._keeper.leave()

    def _own(self, owner: Owner, answer_id: str) -> Running | None:
        """The owner's answer that is written here, and was not left to another worker."""
        running = self._running.get(answer_id)
        return running if running and running.owner.key == owner.key and not running.log.handed_over else None

    def _left(self, source: Running | Mirror) -> None:
        self._readers -= 1
        if isinstance(source, Running) and source.deserted(time.monotonic(), math.inf):
            self._keeper.look()

    def _write_from(self, running: Running, line: Iterator[Frame | Mark]) -> None:
        with self._lock:
            self._running[running.answer_id] = running
            if self._early.pop(running.answer_id, None):
                running.stop.set("cancelled")
            if self._ending:
                running.stop.set(self._ending)
        self.wake()
        self._flusher.add(running)
        # Without an object of its own and without waiting for its start, a thread an answer costs half.
        _thread.start_new_thread(self._write, (running, line))

    def _write(self, running: Running, line: Iterator[Frame | Mark]) -> None:
        answer, size = running.log, len(running.log.text().encode())
        try:
            for item in line:
                if type(item) is Text:
                    answer.append(item)
                    size += FRAME_BYTES + len(item.content.encode())
                    if size > self._bounds.log_bytes:
                        running.stop.set("length")
                elif isinstance(item, Mark):
                    self._mark(answer, item)
                else:
                    answer.append(item)
        finally:
            answer.close(handed_over=not answer.finished)
            if answer.finished or not self._background:  # else whoever takes over begins again, files included
                for file in running.files:
                    Path(file.path).unlink(missing_ok=True)

    def _mark(self, answer: MemoryLog, mark: Mark) -> None:
        match mark:
            case Gap():
                answer.leave_gap()
                self._meter.count("gaps")
            case Asked() | Opened():
                answer.marks.append((len(answer), mark))
                if self._background:
                    # What comes next is only worth as much as others know where to find it.
                    self._flusher.flush()

    def _forget(self, running: Running) -> None:
        self._running.pop(running.answer_id, None)

    def _stop_here(self, answer_id: str) -> bool:
        now = time.monotonic()
        with self._lock:
            while self._early and next(iter(self._early.values())) < now:
                del self._early[next(iter(self._early))]
            running = self._running.get(answer_id)
            if running is not None and running.stop.reason in ELSEWHERE:
                running = None
            if running is None:
                self._early[answer_id] = now + EARLY_SECONDS
        if running is not None and not running.stop.is_set():
            self._meter.count("cancels")
            running.stop.set("cancelled")
        return running is not None

    def _adopt(self, held: Held) -> None:
        """Go on with an answer whose worker died, or see that there is nothing left to do for it."""
        turn = self._shared.workers.adopt(held, self._worker) or self._saved(held)
        logged = self._shared.logs.read(held.owner, held.answer_id) if turn else None
        answer, entries = restored(logged) if logged else (MemoryLog(), 0)
        if turn and turn.status == "running" and answer.finished:
            # Told to its end, but its worker couldn't save it.
            self._shared.unsaved.save_now(held.owner, turn_of(turn, answer))
            return
        if turn is None or logged is None or answer.finished:
            self._shared.workers.drop(self._worker, held.answer_id)
            return
        admission = admission_of(held, turn, answer)
        running = Running(admission, answer, seconds=self._bounds.answer_seconds, entries=entries)
        if turn.status != "running":
            # Its worker died between saving it and saying so: nobody knows how far its readers have come.
            self._write_from(running, iter((Gap(), *rebuilt(turn, "interrupted")[1:])))
            return
        log.warning("answer %s is taken over from a worker that died", held.answer_id)
        self._meter.count("takeovers")
        said = said_in(answer, whole=held.admission is not None)
        self._write_from(running, self._line.go_on(admission, said, running.stop))

    def _saved(self, held: Held) -> Turn | None:
        """The turn, if it has ended."""
        try:
            turn = self._shared.turn(held.owner, held.answer_id)
        except NotFound:
            return None
        return turn if turn.status != "running" else None
