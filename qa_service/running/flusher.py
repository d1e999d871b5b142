"""What all answers of a worker have to say, on its way to the shared log: one trip a tick."""

import logging
import threading
import time
from collections.abc import Callable, Container, Sequence

from qa_service.errors import QAError
from qa_service.frames import Text
from qa_service.interfaces import Entry, LogStore, Meter
from qa_service.running.written import Running

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
"""Between two flushes; more where one takes long, so that they never are most of what a worker does."""
SHARE = 10
LONGEST_SECONDS = 0.5
"""What a reader may have seen and the shared log not yet, when a worker dies on a busy machine."""
BACK_OFF_SECONDS = 1.0
"""The longest pause after the store has taken nothing, or not all; it begins with a tick and doubles."""
GIVE_UP_SECONDS = 600
"""How long a finished answer waits for a store that is away, for its log to be flushed."""


class Flusher:
    """`done` is told of each answer whose log is whole; `unsaved` are those whose turns are still to be saved."""

    def __init__(self, store: LogStore, unsaved: Container[str], meter: Meter, done: Callable[[Running], None]) -> None:
        self._store = store
        self._unsaved = unsaved
        self._meter = meter
        self._done = done
        self._answers: dict[str, Running] = {}
        self._one = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._flushed_at = time.monotonic()
        self._closed = False

    def add(self, running: Running) -> None:
        """From now on this one too."""
        self._answers[running.answer_id] = running
        self._news.set()

    def wake(self) -> None:
        """See that there is a thread that flushes."""
        if not (self._thread and self._thread.is_alive()) and not self._closed:
            self._thread = threading.Thread(target=self._run, name="qa-flusher", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """From now on nothing is flushed by itself."""
        self._closed = True
        self._news.set()

    def flush(self) -> bool:
        """One trip for all that is new. False where the store is away or refused some of it, which is tried again."""
        with self._one:
            pairs = [
                (running, entry) for running in list(self._answers.values()) if (entry := running.entry(self._unsaved))
            ]
            kept = self._append(pairs)
            self._let_go()
        return kept

    def _append(self, pairs: Sequence[tuple[Running, Entry]]) -> bool:
        entries = [entry for _, entry in pairs]
        try:
            outcomes = self._store.append(entries) if entries else ()
        except QAError:
            return False
        for (running, entry), outcome in zip(pairs, outcomes, strict=True):
            running.note(entry, outcome)
        self._count(entries)
        return "refused" not in outcomes

    def _count(self, entries: Sequence[Entry]) -> None:
        now = time.monotonic()
        if entries:
            self._meter.time("flushed", now - self._flushed_at)
            self._meter.count("deltas", sum(type(item) is Text for entry in entries for item in entry.items))
        self._flushed_at = now

    def _let_go(self) -> None:
        late = time.monotonic() - GIVE_UP_SECONDS
        for running in list(self._answers.values()):
            if running.log.closed and (running.flushed or running.ends < late):
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
                # An edge, like a request: what broke may pass by the next tick, and no thread begins by itself again.
                log.exception("writing to the shared log broke")
            took = time.monotonic() - began
            pause = 0.0 if kept else min(2 * pause or TICK_SECONDS, BACK_OFF_SECONDS)
            time.sleep(max(TICK_SECONDS - took, min(SHARE * took, LONGEST_SECONDS), pause))
