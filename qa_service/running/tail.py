"""This module hears from other workers: new frames of answers that are read here and written there, and stops."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack

from msgspec.structs import replace

from qa_service.errors import NotFound, QAError
from qa_service.interfaces import FollowedAnswer, LogEntry
from qa_service.model import Owner
from qa_service.running.log import FAR
from qa_service.running.mirror import MirroredAnswer
from qa_service.running.settings import Pace
from qa_service.running.shared import SharedStores
from qa_service.threads import RestartableThread

log = logging.getLogger(__name__)

_OPENING = 64
"""All answers share this many locks. With a single lock, opening a large answer would hold up all others."""


class Tail:
    """A `Tail` has one thread that waits for news of everything at once, on one connection. `stop` ends an answer that
    is written here."""

    def __init__(self, shared: SharedStores, worker: str, stop: Callable[[str], object], pace: Pace) -> None:
        self._workers = shared.workers
        self._logs = shared.logs
        self._turn = shared.turn
        self._worker = worker
        self._stop = stop
        self._pace = pace
        self._mirrors: dict[FollowedAnswer, MirroredAnswer] = {}
        self._opening = tuple(threading.Lock() for _ in range(_OPENING))
        self._thread = RestartableThread("qa-tail", self._run)
        self._closed = False

    def ensure_running(self) -> None:
        """Start the thread that waits for news, unless it runs."""
        self._thread.ensure_running()

    def open_mirror(self, owner: Owner, answer_id: str) -> MirroredAnswer:
        """Open the mirror of an answer, which grows until the answer is over. All who read it here share one mirror.

        Raises `NotFound` for an unknown answer and for another owner's.
        """
        followed = _followed(owner, answer_id)
        if known := self._mirrors.get(followed):
            return known
        # Where several readers come at once, the first one reads the answer from the store, and the others wait for it.
        with self._opening[hash(followed) % len(self._opening)]:
            return self._mirrors.get(followed) or self._opened(followed)

    def drop_mirror(self, owner: Owner, answer_id: str) -> None:
        """Forget an answer that is over and that nobody reads here any more: it may be large."""
        followed = _followed(owner, answer_id)
        mirror = self._mirrors.get(followed)
        if mirror and mirror.log.closed and not mirror.readers:
            self._mirrors.pop(followed, None)

    def _opened(self, followed: FollowedAnswer) -> MirroredAnswer:
        mirror = self._mirrors[followed] = self._looked_up(followed)
        if mirror.log.closed:
            return mirror
        if self._closed:
            mirror.log.close_log(handed_over=True)
            return mirror
        self._workers.announce_reading([followed])
        self._workers.end_wait(self._worker)
        return mirror

    def mirrors(self) -> Collection[MirroredAnswer]:
        """Return all answers that are read here and aren't written here."""
        return list(self._mirrors.values())

    def tend_mirrors(self) -> None:
        """Forget the answers that nobody reads any more, look up those that have been silent, and tell their writers
        which answers are read here."""
        with ExitStack() as steps:
            for mirror in list(self._mirrors.values()):
                steps.callback(self._tend, mirror)
        if read := [followed for followed, mirror in self._written_elsewhere() if mirror.readers]:
            self._workers.announce_reading(read)

    def close_mirrors(self) -> None:
        """End the thread, and send the readers of these answers to other workers."""
        self._closed = True
        self._thread.retire()
        for _, mirror in self._written_elsewhere():
            mirror.log.close_log(handed_over=not mirror.log.is_finished)

    def _written_elsewhere(self) -> Collection[tuple[FollowedAnswer, MirroredAnswer]]:
        return [(followed, mirror) for followed, mirror in list(self._mirrors.items()) if not mirror.log.closed]

    def _tend(self, mirror: MirroredAnswer) -> None:
        now = time.monotonic()
        if not mirror.readers and now - mirror.left_at > self._pace.stale:
            self._mirrors.pop(mirror.followed, None)
            if not mirror.log.closed:
                mirror.log.close_log(handed_over=not mirror.log.is_finished)
        elif not mirror.log.closed and now - mirror.heard_at > self._pace.stale:
            self._look_again(mirror)

    def _looked_up(self, followed: FollowedAnswer) -> MirroredAnswer:
        logged = self._logs.read_log(followed.owner, followed.answer_id)
        if logged is None:
            raise NotFound("no such answer")
        mirror = MirroredAnswer(followed, logged.session_id)
        if logged.entries:
            mirror.add_entries(logged.entries, logged.cursor)
        else:
            mirror.rebuild_from(self._turn(followed.owner, followed.answer_id), logged.last or FAR)
        return mirror

    def _look_again(self, mirror: MirroredAnswer) -> None:
        try:
            found = self._looked_up(mirror.followed)
        except NotFound:
            mirror.log.close_log()
            return
        mirror.heard_at = time.monotonic()
        if found.log.closed and not mirror.log.closed and found.log.last > mirror.log.last:
            self._finish(mirror, found)

    def _finish(self, mirror: MirroredAnswer, found: MirroredAnswer) -> None:
        batch = found.log.read_batch(mirror.log.last)
        while batch.frames:
            mirror.add_entries([LogEntry(batch.first, batch.frames)], found.cursor)
            batch = found.log.read_batch(mirror.log.last)
        mirror.log.close_log()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._listen()
            except QAError:
                time.sleep(self._pace.pause)
            except Exception:
                # This is the outermost code of a thread: what broke now may pass by the next time.
                log.exception("listening to other workers broke")
                time.sleep(self._pace.pause)

    def _listen(self) -> None:
        followed = dict(self._written_elsewhere())
        cursors = {each: mirror.cursor for each, mirror in followed.items()}
        news = self._workers.wait_for_news(self._worker, cursors, self._pace.news)
        # Each stop is heard only once, so one that fails must not keep the others from being carried out.
        with ExitStack() as steps:
            for answer_id in news.stops:
                steps.callback(self._stop, answer_id)
            for each, mirror in followed.items():
                if entries := news.entries.get(each.answer_id):
                    steps.callback(mirror.add_entries, entries, news.cursors[each.answer_id])


def _followed(owner: Owner, answer_id: str) -> FollowedAnswer:
    # A visitor who comes from another address than before is still the same owner.
    return FollowedAnswer(replace(owner, address=""), answer_id)
