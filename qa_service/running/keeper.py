"""What happens by the clock: answers that take too long or that nobody reads, dead workers, turns still to be saved."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from qa_service.errors import QAError
from qa_service.interfaces import Followed, Held
from qa_service.running.presence import Presence
from qa_service.running.reader import LOOK_SECONDS
from qa_service.running.shared import Shared
from qa_service.running.tail import Tail
from qa_service.running.untold import UntoldStops
from qa_service.running.written import Running

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
PARTS = round(LOOK_SECONDS / TICK_SECONDS)
BEAT_SECONDS = 1.0
STRAYS_SECONDS = 10.0
ABSENT_SECONDS = 2.5
"""Others wait twice as long before they take a worker for dead."""
SETTLE_SECONDS = 6.0
"""After a silence of the store's, until all workers that live have been heard of again."""


class Keeper:
    """One thread, and signs of life also from those who are about to begin an answer after a standstill. `answers` are
    those written here; `adopt` takes one over."""

    def __init__(
        self,
        shared: Shared,
        tail: Tail,
        presence: Presence,
        *,
        answers: Mapping[str, Running],
        adopt: Callable[[Held], None],
        grace: float,
    ) -> None:
        self._workers, self._unsaved, self.untold = shared.workers, shared.unsaved, UntoldStops(shared.workers)
        self._tail = tail
        self._presence = presence
        self._worker = presence.worker
        self._answers = answers
        self._adopt = adopt
        self._grace = grace
        self._tick = 0
        self._trusts_at = time.monotonic() + SETTLE_SECONDS
        """When the store's word on who is dead counts."""
        self._failed_at = -SETTLE_SECONDS
        """When the store was last away: until others have said again what they read, nobody knows."""
        self._empty: dict[str, float] = {}
        """Dead workers that held nothing, and since when."""
        self._dead: set[str] = set()
        """Workers that the store says are dead, and that may still hold something."""
        self._taken: list[Held] = []
        """Answers that are this worker's by now, and not begun yet."""
        self._strays: set[str] = set()
        self._beat_at = self._strays_at = time.monotonic() - BEAT_SECONDS
        self._heard_at = time.monotonic()
        """When others last heard of this worker, at least."""
        self._missed = False
        """Whether this worker was taken for dead, and hasn't looked yet what it has lost by that."""
        self._beating = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._left = False
        self.taking = True
        """Whether this worker takes over what others leave."""

    def wake(self) -> None:
        """See that there is a thread that keeps; from then on this worker counts as living."""
        if not (self._thread and self._thread.is_alive()) and not self._left:
            self._presence.enter()
            self._thread = threading.Thread(target=self._run, name="qa-keeper", daemon=True)
            self._thread.start()

    def come_back(self) -> None:
        """Be heard of before anything more is held here: a worker that stood still may have been taken for dead."""
        if self._absent():
            with self._beating:
                if self._absent():
                    self._quietly(self._beat)

    def look(self) -> None:
        """Something may be due now."""
        self._news.set()

    def leave(self) -> None:
        """This worker writes no more: what it holds is another's to take over."""
        self._left = True
        self._quietly(lambda: self._workers.leave(self._worker))
        self._presence.leave()

    def _run(self) -> None:
        while not self._left:
            self._news.wait(TICK_SECONDS)
            self._news.clear()
            self._quietly(self._ring)
            self._quietly(self._end_overdue)
            self._quietly(self._end_deserted)
            if time.monotonic() - self._beat_at >= BEAT_SECONDS and not self._left:
                self._beat_at = time.monotonic()
                with self._beating:
                    self._quietly(self._beat)
                self._quietly(self.untold.tell_all)
                self._quietly(self._tail.tend)
                self._quietly(self._unsaved.save)
            self._quietly(self._bury)  # once others have heard of this worker: what it takes now is its own
            if time.monotonic() - self._strays_at >= STRAYS_SECONDS:
                self._strays_at = time.monotonic()
                self._quietly(self._take_strays)
                self._quietly(self._presence.sweep)

    def _ring(self) -> None:
        """Let readers notice that time passes: a part of them at each tick, since many at once would hold up others."""
        self._tick = (self._tick + 1) % PARTS
        logs = [running.log for running in list(self._answers.values())]
        logs += [mirror.log for mirror in self._tail.mirrors()]
        for each in logs[self._tick :: PARTS]:
            each.ring()

    def _quietly(self, step: Callable[[], None]) -> None:
        try:
            step()
        except QAError:
            self._failed_at = time.monotonic()
            log.debug("put off: the store does not answer")
        except Exception:
            # An edge, like a request: what breaks one step must not end all others.
            log.exception("a step of keeping answers broke")

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in list(self._answers.values()):
            if now > running.ends:
                running.stop.set("timeout")

    def _end_deserted(self) -> None:
        now = time.monotonic()
        deserted = [running for running in list(self._answers.values()) if running.deserted(now, self._grace)]
        if not deserted or now - self._failed_at < SETTLE_SECONDS:
            return
        read = self._workers.read_elsewhere([Followed(running.owner, running.answer_id) for running in deserted])
        for running, elsewhere in zip(deserted, read, strict=True):
            if not (elsewhere or running.readers):
                running.stop.set("hangup")

    def _absent(self) -> bool:
        return bool(self._thread) and not self._left and time.monotonic() - self._heard_at > ABSENT_SECONDS

    def _beat(self) -> None:
        began = time.monotonic()
        self._presence.renew()
        dead, missed = self._workers.beat(self._worker)
        self._heard_at = began
        if missed:
            # It was the store that was away: the others need a moment to be heard of again, too.
            self._missed, self._trusts_at = True, time.monotonic() + SETTLE_SECONDS
        self._dead = set(dead) if time.monotonic() >= self._trusts_at else set()
        if self._missed:
            self._give_up_lost()
            self._missed = False

    def _give_up_lost(self) -> None:
        """This worker was taken for dead: what others have taken over by now isn't its own any more."""
        answers = list(self._answers.values())
        held = [Held(running.owner, running.answer_id, running.session_id) for running in answers]
        for running, lost in zip(answers, self._workers.lost(self._worker, held), strict=True):
            if lost and not running.log.closed:
                running.stop.set("lost")

    def _bury(self) -> None:
        if not self.taking:
            return
        gone = set(self._presence.dead())
        dead = {*gone, *self._dead} - {self._worker}
        self._empty = {worker: since for worker, since in self._empty.items() if worker in dead}
        for worker in dead:
            taken = self._workers.take(worker, self._worker, sure=worker in gone)
            self._taken.extend(taken)
            # A last word of that worker's may still be on its way into the store.
            if not taken and time.monotonic() - self._empty.setdefault(worker, time.monotonic()) > SETTLE_SECONDS:
                del self._empty[worker]
                self._presence.bury(worker)
        while self._taken:
            self._go_on_with(self._taken.pop(0))

    def _go_on_with(self, held: Held) -> None:
        try:
            self._adopt(held)
        except QAError:
            self._taken.append(held)
            raise

    def _take_strays(self) -> None:
        """What this worker holds without writing it: its claim was carried out, but the reply was lost."""
        strays = set(self._workers.holds(self._worker)) - set(self._answers)
        for answer_id in strays & self._strays:
            if held := self._workers.held(self._worker, answer_id):
                self._taken.append(held)
        self._strays = strays
