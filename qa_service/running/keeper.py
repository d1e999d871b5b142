"""This module has the keeper, a thread that does what a worker must do again and again, or in time."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from qa_service.errors import QAError
from qa_service.interfaces import FollowedAnswer, HeldAnswer
from qa_service.running.presence import Presence
from qa_service.running.settings import RunnerSettings
from qa_service.running.shared import SharedStores
from qa_service.running.tail import Tail
from qa_service.running.takeovers import Takeovers
from qa_service.running.untold import UntoldStops
from qa_service.running.written import RunningAnswer
from qa_service.threads import RestartableThread

log = logging.getLogger(__name__)


class Keeper:
    """A `Keeper` ends answers that take too long or that nobody reads, says that this worker lives, saves turns that
    couldn't be saved, and takes over what other workers leave. `answers` are those that are written here; `adopt` goes
    on with an answer that was taken over."""

    def __init__(
        self,
        shared: SharedStores,
        tail: Tail,
        presence: Presence,
        *,
        answers: Mapping[str, RunningAnswer],
        adopt: Callable[[HeldAnswer], None],
        settings: RunnerSettings,
    ) -> None:
        pace = settings.pace
        self._workers, self._unsaved = shared.workers, shared.unsaved
        self.untold = UntoldStops(shared.workers.announce_stop)
        self._tail = tail
        self._presence = presence
        self._worker = presence.worker
        self._answers = answers
        self._takeovers = Takeovers(shared.workers, presence, answers=answers, adopt=adopt, settle=pace.settle)
        self._grace = settings.grace_seconds
        self._pace = pace
        self._parts = max(1, round(pace.look / pace.tick))
        self._tick = 0
        self._trusts_at = time.monotonic() + pace.settle
        """From this time on the store is believed when it says that a worker is dead."""
        self._failed_at = -pace.settle
        """The store was away at this moment for the last time. For a while after that, the store doesn't know what
        other workers read."""
        self._dead: set[str] = set()
        """The store says that these workers are dead. They may still hold answers."""
        self._beat_at = self._strays_at = time.monotonic() - pace.beat
        self._heard_at = time.monotonic()
        """This is the last moment at which others are known to have heard of this worker."""
        self._missed = False
        """This says whether the worker was taken for dead, and hasn't looked yet which answers it has lost."""
        self._beating = threading.Lock()
        self._news = threading.Event()
        self._thread = RestartableThread("qa-keeper", self._run)
        self._left = False
        self.takes_over = True
        """This says whether the worker takes over answers of others. It doesn't any more when it is about to stop."""

    def ensure_running(self) -> None:
        """Start the thread unless it runs. From then on this worker counts as living."""
        if not self._left:
            self._presence.lock_file()
            self._thread.ensure_running()

    def announce_return(self) -> None:
        """Say that this worker lives, where others haven't heard of it for some time. A worker that stood still may be
        taken for dead, and then others would take what it claims."""
        if self._absent():
            with self._beating:
                if self._absent():
                    self._quietly(self._beat)

    def check_soon(self) -> None:
        """Look now, and not only at the next tick, whether an answer is to be ended."""
        self._news.set()

    def stop_keeping(self) -> None:
        """End the thread, and leave to other workers what this one still holds."""
        self._left = True
        self._thread.retire()
        self._quietly(lambda: self._workers.withdraw_worker(self._worker))
        self._presence.delete_file()

    def _run(self) -> None:
        while not self._left:
            self._news.wait(self._pace.tick)
            self._news.clear()
            self._quietly(self._wake_some_readers)
            self._quietly(self._end_overdue)
            self._quietly(self._end_deserted)
            if time.monotonic() - self._beat_at >= self._pace.beat and not self._left:
                self._beat_at = time.monotonic()
                with self._beating:
                    self._quietly(self._beat)
                self._quietly(self._tail.tend_mirrors)
                self._quietly(self.untold.tell_all)
                self._quietly(self._unsaved.save_all)
            # This comes after the sign of life. Otherwise others may take this worker for dead, and take from it what
            # it takes over.
            self._quietly(self._take_over)
            if time.monotonic() - self._strays_at >= self._pace.strays:
                self._strays_at = time.monotonic()
                self._quietly(self._takeovers.take_strays)
                self._quietly(self._presence.delete_old_uploads)

    def _wake_some_readers(self) -> None:
        """Let readers notice that time passes. Each tick wakes a part of them, since to wake all at once would hold up
        other requests."""
        self._tick = (self._tick + 1) % self._parts
        logs = [running.log for running in list(self._answers.values())]
        logs += [mirror.log for mirror in self._tail.mirrors()]
        for each in logs[self._tick :: self._parts]:
            each.wake_readers()

    def _quietly(self, step: Callable[[], None]) -> None:
        try:
            step()
        except QAError:
            self._failed_at = time.monotonic()
            log.debug("put off: the store does not answer")
        except Exception:
            # This is the outermost code of a thread: what breaks one step must not end the others.
            log.exception("a step of keeping answers broke")

    def _take_over(self) -> None:
        if self.takes_over:
            self._takeovers.take_over_dead(self._dead)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in list(self._answers.values()):
            if now > running.ends_at:
                running.stop.set("timeout")

    def _end_deserted(self) -> None:
        now = time.monotonic()
        deserted = [running for running in list(self._answers.values()) if running.is_deserted(now, self._grace)]
        if not deserted or now - self._failed_at < self._pace.settle:
            return
        read = self._workers.find_read_elsewhere(
            [FollowedAnswer(running.owner, running.answer_id) for running in deserted]
        )
        for running, elsewhere in zip(deserted, read, strict=True):
            if not (elsewhere or running.readers):
                running.stop.set("hangup")

    def _absent(self) -> bool:
        return self._thread.is_started and not self._left and time.monotonic() - self._heard_at > self._pace.absent

    def _beat(self) -> None:
        began = time.monotonic()
        self._presence.restore_file()
        dead, missed = self._workers.announce_life(self._worker)
        self._heard_at = began
        if missed:
            # It may have been the store that was away. Then it needs a moment to hear of the other workers again.
            self._missed, self._trusts_at = True, time.monotonic() + self._pace.settle
        self._dead = set(dead) if time.monotonic() >= self._trusts_at else set()
        if self._missed:
            self._give_up_lost()
            self._missed = False

    def _give_up_lost(self) -> None:
        """Stop the answers that other workers have taken over while this one seemed dead."""
        answers = list(self._answers.values())
        held = [HeldAnswer(running.owner, running.answer_id, running.session_id) for running in answers]
        for running, lost in zip(answers, self._workers.find_lost(self._worker, held), strict=True):
            if lost and not running.log.closed:
                running.stop.set("lost")
