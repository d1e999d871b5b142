"""This module begins, finds, reads and stops the answers of one worker, and leaves them to others."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from qa_service.deltas import Opened
from qa_service.errors import Draining, Overloaded
from qa_service.frames import Frame
from qa_service.interfaces import ELSEWHERE, AnswerWriter, Meter
from qa_service.model import Owner
from qa_service.rooms import WorkerRoom
from qa_service.running.adopting import Adopter
from qa_service.running.flusher import Flusher
from qa_service.running.keeper import Keeper
from qa_service.running.log import MemoryLog
from qa_service.running.presence import Presence
from qa_service.running.reader import AnswerReader, ReaderTimes
from qa_service.running.settings import RunnerSettings
from qa_service.running.shared import SharedStores
from qa_service.running.source import AnswerSource
from qa_service.running.stop import StopSignal
from qa_service.running.tail import Tail
from qa_service.running.written import RunningAnswer
from qa_service.threads import NO_ROOM_SECONDS, ParkedThread
from qa_service.turns import Admission, Asked, Gap, Mark, Turn

READERS = 3
"""This many readers may be connected for each answer that may be written here: the caller who asked, and two more. One
caller may have a quarter of these places, and at least those of one answer."""


class Runner:
    """A `Runner` is the front of this package: everybody outside of the package calls it. A reader of an answer that is
    written here never waits for the store."""

    def __init__(
        self, line: AnswerWriter, shared: SharedStores, meter: Meter, *, presence: Presence, settings: RunnerSettings
    ) -> None:
        pace = settings.pace
        self.draining = False
        self._line = line
        self._shared = shared
        self._meter = meter
        self._settings = settings
        self._pace = pace
        self._running: dict[str, RunningAnswer] = {}
        self._ending = ""
        """All answers here are stopped for this reason. It is empty until `shut_down`."""
        self._look_at = 0.0
        """At this moment it is checked next whether the worker's threads run."""
        self._readers = WorkerRoom("readers", READERS * settings.answers, fewest=READERS)
        self._parked: list[ParkedThread] = []
        """These threads are for answers that have a place and haven't begun."""
        self._beside: set[StopSignal] = set()
        """These are the stops of other work that has a place here."""
        self._early: dict[str, float] = {}
        """These are the ids of answers that were stopped before they were written here, each with the moment at which
        it is forgotten."""
        self._lock = threading.Lock()
        self._flusher = Flusher(shared.logs, shared.unsaved, meter, done=self._forget, pace=pace)
        self._tail = Tail(shared, presence.worker, self._stop_here, pace)
        adopter = Adopter(
            line,
            shared,
            meter,
            worker=presence.worker,
            seconds=settings.answer_seconds,
            write=self._write_adopted,
        )
        self._keeper = Keeper(
            shared,
            self._tail,
            presence,
            answers=self._running,
            adopt=adopter.adopt,
            settings=settings,
        )

    def ensure_threads(self) -> None:
        """Start the threads of this worker that don't run. Each request calls this, so it looks only now and then."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._pace.threads
            for part in (self._keeper, self._flusher, self._tail):
                part.ensure_running()

    def reserve_place(self) -> None:
        """Take a place for one more answer; the caller follows with `start_answer` or `release_place`.

        Raises `Draining` or `Overloaded`. The answer's thread has been started when this returns, so that whatever is
        claimed then can be written.
        """
        self.ensure_threads()
        with self._lock:
            if self.draining:
                raise Draining("this worker is about to stop", retry_after=1)
            if self.count_answers() >= self._settings.answers:
                raise Overloaded(
                    f"{self._settings.answers} questions are being answered here", retry_after=NO_ROOM_SECONDS
                )
            self._parked.append(ParkedThread())

    def announce_life(self) -> None:
        """Tell other workers that this one lives, if they could take it for dead. Otherwise they would take its new
        claim."""
        self._keeper.announce_return()

    def release_place(self) -> None:
        """Give a reserved place back. There will be no answer in it."""
        with self._lock:
            self._parked.pop().dismiss()

    def start_answer(self, admission: Admission) -> RunningAnswer:
        """Begin to write the answer, in the thread that was reserved for it."""
        running = RunningAnswer(admission, MemoryLog(), seconds=self._settings.answer_seconds, entries=1)
        self._write_from(running, self._line.write_answer(admission, running.stop))
        return running

    def run_beside(self, work: Callable[[], None], stop: StopSignal) -> None:
        """Run work that is no answer in a place that was reserved for it. When this worker leaves, the stop is set."""
        with self._lock:
            thread = self._parked.pop()
            self._beside.add(stop)
        if self._ending:
            stop.set(self._ending)

        def work_and_leave() -> None:
            try:
                work()
            finally:
                self._beside.discard(stop)

        thread.run(work_and_leave)

    def count_answers(self) -> int:
        """Count the answers that are written here now, those that have a place and haven't begun, and other work that
        has a place."""
        others = len(self._parked) + len(self._beside)
        return others + sum(not running.log.closed for running in list(self._running.values()))

    def find_answer(self, owner: Owner, answer_id: str, after: int = 0) -> AnswerSource | None:
        """Find an answer of this owner, in this worker or in the store. Returns None where no frame will ever come
        behind the frame number `after`. Raises `NotFound`."""
        source: AnswerSource = self._own(owner, answer_id) or self._tail.open_mirror(owner, answer_id)
        if source.has_nothing_after(after):
            self._tail.drop_mirror(owner, answer_id)
            return None
        return source

    def check_room_to_read(self, owner: Owner) -> None:
        """Raise what `open_reader` would raise now, before the store is asked for an answer."""
        self._readers.check_room(owner.caller)

    def writes_answer(self, owner: Owner, answer_id: str) -> bool:
        """Tell whether an answer is this owner's and is written here."""
        return self._own(owner, answer_id) is not None

    def read_turn(self, owner: Owner, answer_id: str) -> Turn:
        """Return the turn of an answer as it stands now. Raises `NotFound`."""
        running = self._own(owner, answer_id)
        return running.current_turn() if running else self._shared.turn(owner, answer_id)

    def open_reader(
        self,
        source: AnswerSource,
        owner: Owner,
        *,
        heartbeat: float,
        after: int = 0,
        gone: Callable[[], bool] = lambda: False,
    ) -> AnswerReader:
        """Begin to read, behind the frame number `after`. `owner` is the reader, with the address from which it reads.
        `heartbeat` is how many seconds of silence it bears; `gone` says whether its connection is closed.

        Raises `RateLimited` if this caller has its share of readers, and `Overloaded` if the worker is full. The first
        reader of an answer that is written here is always let in, because that answer has a place: it is whoever asked.
        """
        self.ensure_threads()
        is_first = isinstance(source, RunningAnswer) and not source.was_read
        caller = self._readers.add_guest() if is_first else self._readers.reserve_place(owner.caller)
        times, left = ReaderTimes(heartbeat, self._pace.look), partial(self._left, caller)
        return AnswerReader(source, meter=self._meter, times=times, after=after, gone=gone, left=left)

    def stop_answer(self, answer_id: str) -> None:
        """Stop an answer, wherever it is written, without waiting for its end. For an answer that is written here the
        store isn't needed. Raises only `QAError`, where other workers can't be told now. They are told later."""
        if not self._stop_here(answer_id):
            self._keeper.untold.tell(answer_id)

    def leave_to_store(self, owner: Owner, answer_id: str) -> None:
        """Send the rest of an answer that is over to the store, if it was written here, and forget it. From then on
        this worker knows only as much of the answer as the store does, so that it can be deleted there."""
        if answer_id in self._running:
            self._flusher.flush()
        self._tail.drop_mirror(owner, answer_id)

    def stop_admitting(self) -> None:
        """Refuse new questions, and take over no more answers of other workers."""
        self.draining, self._keeper.takes_over = True, False

    def shut_down(self, reason: str, seconds: float) -> None:
        """Stop all answers here for this reason, and leave the store as others must find it.

        Waits at most `seconds` until the shared log has everything and the readers here have left. With the reason
        `handover` other workers go on with the answers.
        """
        self.stop_admitting()
        self._ending = reason
        for stop in [*self._beside, *(running.stop for running in list(self._running.values()))]:
            stop.set(reason)
        self._tail.close_mirrors()
        self._shared.unsaved.save_all()
        until = time.monotonic() + seconds
        while self._is_busy() and self._flusher.flush() and time.monotonic() < until:
            time.sleep(self._pace.poll)
        self._flusher.stop_flushing()
        self._keeper.stop_keeping()

    def _is_busy(self) -> bool:
        return bool(self._running or not self._readers.is_empty or self._parked or self._beside)

    def _own(self, owner: Owner, answer_id: str) -> RunningAnswer | None:
        """Return the answer if it is this owner's and is written here. One that goes on in another worker isn't."""
        running = self._running.get(answer_id)
        return running if running and running.owner.key == owner.key and not running.log.handed_over else None

    def _left(self, caller: str, source: AnswerSource) -> None:
        self._readers.release_place(caller)
        running = self._running.get(source.answer_id)
        if running and running.is_deserted(time.monotonic(), math.inf):
            self._keeper.check_soon()
        self._tail.drop_mirror(source.owner, source.answer_id)

    def _write_adopted(self, running: RunningAnswer, line: Iterator[Frame | Mark]) -> None:
        self.ensure_threads()
        self._write_from(running, line, ParkedThread())

    def _write_from(
        self, running: RunningAnswer, line: Iterator[Frame | Mark], thread: ParkedThread | None = None
    ) -> None:
        with self._lock:
            self._running[running.answer_id] = running
            thread = thread or self._parked.pop()
            if self._early.pop(running.answer_id, None):
                running.stop.set("cancelled")
            if self._ending:
                running.stop.set(self._ending)
        self._flusher.add_answer(running)
        thread.run(lambda: self._write(running, line))

    def _write(self, running: RunningAnswer, line: Iterator[Frame | Mark]) -> None:
        answer = running.log
        try:
            for item in line:
                if isinstance(item, Mark):
                    self._mark(answer, item)
                else:
                    answer.append_frame(item)
        finally:
            answer.close_log(handed_over=not answer.is_finished)
            # In background mode another worker may begin the answer again, and reads its files again then.
            if answer.is_finished or not self._settings.background:
                for file in running.files:
                    Path(file.path).unlink(missing_ok=True)

    def _mark(self, answer: MemoryLog, mark: Mark) -> None:
        match mark:
            case Gap():
                answer.leave_gap()
                self._meter.count_event("gaps")
            case Asked() | Opened():
                answer.marks.append((len(answer), mark))
                if self._settings.background:
                    # Another worker can go on only from marks that it finds in the shared log.
                    self._flusher.flush()

    def _forget(self, running: RunningAnswer) -> None:
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
                self._early[answer_id] = now + self._pace.early
        if running is not None and not running.stop.is_set():
            self._meter.count_event("cancels")
            running.stop.set("cancelled")
        return running is not None
