"""This module brings new frames of all answers of a worker into the shared log."""

import logging
import threading
import time
from collections.abc import Callable, Container, Sequence

from qa_service.errors import QAError
from qa_service.frames import Text
from qa_service.interfaces import LogStore, Meter, NewLogEntry
from qa_service.running.settings import Pace
from qa_service.running.written import RunningAnswer
from qa_service.threads import RestartableThread

log = logging.getLogger(__name__)

_SHARE = 10
"""The pause after a flush is this many times as long as the flush, so that flushing is never most of the work."""


class Flusher:
    """A `Flusher` sends what is new of all answers to the store in one trip, again and again. It calls `done` with each
    answer that is over and whose shared log has everything, or that has waited too long for the store. `unsaved` has
    the ids of answers whose turns are still to be saved."""

    def __init__(
        self,
        store: LogStore,
        unsaved: Container[str],
        meter: Meter,
        *,
        done: Callable[[RunningAnswer], None],
        pace: Pace,
    ) -> None:
        self._store = store
        self._unsaved = unsaved
        self._meter = meter
        self._done = done
        self._pace = pace
        self._answers: dict[str, RunningAnswer] = {}
        self._one = threading.Lock()
        self._news = threading.Event()
        self._thread = RestartableThread("qa-flusher", self._run)
        self._flushed_at = time.monotonic()
        self._closed = False

    def add_answer(self, running: RunningAnswer) -> None:
        """Flush this answer too from now on."""
        if not self._answers:
            # Nothing waited to be flushed until now.
            self._flushed_at = time.monotonic()
        self._answers[running.answer_id] = running
        self._news.set()

    def ensure_running(self) -> None:
        """Start the thread that flushes, unless it runs."""
        self._thread.ensure_running()

    def stop_flushing(self) -> None:
        """End the thread. After that, what is new goes to the store only when somebody calls `flush`."""
        self._closed = True
        self._thread.retire()
        self._news.set()

    def flush(self) -> bool:
        """Send everything that is new, in one trip. Returns False where the store is away or has refused some of it;
        nothing is lost then, and a later flush sends it again."""
        with self._one:
            pairs = [
                (running, entry)
                for running in list(self._answers.values())
                if (entry := running.next_entry(self._unsaved))
            ]
            kept = self._append(pairs)
            self._let_go()
        return kept

    def _append(self, pairs: Sequence[tuple[RunningAnswer, NewLogEntry]]) -> bool:
        entries = [entry for _, entry in pairs]
        try:
            outcomes = self._store.append_entries(entries) if entries else ()
        except QAError:
            return False
        for (running, entry), outcome in zip(pairs, outcomes, strict=True):
            running.note_outcome(entry, outcome)
        self._count(entries)
        return "refused" not in outcomes

    def _count(self, entries: Sequence[NewLogEntry]) -> None:
        now = time.monotonic()
        if entries:
            self._meter.record_time("flushed", now - self._flushed_at)
            self._meter.count_event("deltas", sum(type(item) is Text for entry in entries for item in entry.items))
        self._flushed_at = now

    def _let_go(self) -> None:
        late = time.monotonic() - self._pace.give_up
        for running in list(self._answers.values()):
            if running.log.closed and (running.is_flushed or running.ends_at < late):
                del self._answers[running.answer_id]
                self._done(running)

    def _run(self) -> None:
        pause = 0.0
        while not self._closed:
            if not self._answers:
                self._news.clear()
                if not (self._answers or self._closed):
                    self._news.wait()
            began, kept = time.monotonic(), False
            try:
                kept = self.flush()
            except Exception:
                # This is the outermost code of a thread: what broke now may pass by the next time.
                log.exception("writing to the shared log broke")
            took = time.monotonic() - began
            pause = 0.0 if kept else min(2 * pause or self._pace.flush, self._pace.back_off)
            time.sleep(max(self._pace.flush - took, min(_SHARE * took, self._pace.longest_flush), pause))
