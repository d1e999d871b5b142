"""What comes in from other workers: the logs that are read here and written there, and who is to be stopped."""

import logging
import threading
import time
from collections.abc import Callable, Collection

from msgspec.structs import replace

from qa_service.errors import NotFound, QAError
from qa_service.interfaces import Followed, Piece
from qa_service.model import Owner
from qa_service.running.log import FAR
from qa_service.running.mirror import Mirror
from qa_service.running.settings import Pace
from qa_service.running.shared import Shared
from qa_service.running.thread import RestartableThread

log = logging.getLogger(__name__)

OPENING = 64
"""Locks for those who open answers, each for its share of them: one for all would let a large answer hold up others."""


class Tail:
    """One thread and one connection, whatever is read. `stop` ends an answer that is written here."""

    def __init__(self, shared: Shared, worker: str, stop: Callable[[str], object], pace: Pace) -> None:
        self._workers = shared.workers
        self._logs = shared.logs
        self._turn = shared.turn
        self._worker = worker
        self._stop = stop
        self._pace = pace
        self._mirrors: dict[Followed, Mirror] = {}
        self._opening = tuple(threading.Lock() for _ in range(OPENING))
        self._thread = RestartableThread("qa-tail", self._run)
        self._closed = False

    def ensure_running(self) -> None:
        """See that there is a thread that listens."""
        self._thread.ensure_running()

    def open(self, owner: Owner, answer_id: str) -> Mirror:
        """The answer as far as it has come, growing if it isn't finished; one for all who read it here. `NotFound` for
        an unknown one, or another's."""
        followed = _followed(owner, answer_id)
        if known := self._mirrors.get(followed):
            return known
        # The first of those who come at once reads it from the store, and the others wait for that.
        with self._opening[hash(followed) % len(self._opening)]:
            return self._mirrors.get(followed) or self._opened(followed)

    def let_go(self, owner: Owner, answer_id: str) -> None:
        """Forget an answer that is over and that nobody reads here any more: it may be large."""
        followed = _followed(owner, answer_id)
        mirror = self._mirrors.get(followed)
        if mirror and mirror.log.closed and not mirror.readers:
            self._mirrors.pop(followed, None)

    def _opened(self, followed: Followed) -> Mirror:
        mirror = self._mirrors[followed] = self._looked_up(followed)
        if mirror.log.closed:
            return mirror
        if self._closed:
            mirror.log.close(handed_over=True)
            return mirror
        self._workers.reading([followed])
        self._workers.nudge(self._worker)
        return mirror

    def mirrors(self) -> Collection[Mirror]:
        """All that is read here and written elsewhere, or has been."""
        return list(self._mirrors.values())

    def tend(self) -> None:
        """Forget what nobody reads any more, look at what has gone silent, and tell others what is read here."""
        for followed, mirror in list(self._mirrors.items()):
            if not mirror.readers and time.monotonic() - mirror.left > self._pace.stale:
                self._mirrors.pop(followed, None)
                if not mirror.log.closed:
                    mirror.log.close(handed_over=not mirror.log.finished)
            elif not mirror.log.closed and time.monotonic() - mirror.heard > self._pace.stale:
                self._look_again(mirror)
        if read := [followed for followed, mirror in self._written_elsewhere() if mirror.readers]:
            self._workers.reading(read)

    def close(self) -> None:
        """Who reads here goes on reading elsewhere."""
        self._closed = True
        self._thread.retire()
        for _, mirror in self._written_elsewhere():
            mirror.log.close(handed_over=not mirror.log.finished)

    def _written_elsewhere(self) -> Collection[tuple[Followed, Mirror]]:
        return [(followed, mirror) for followed, mirror in list(self._mirrors.items()) if not mirror.log.closed]

    def _looked_up(self, followed: Followed) -> Mirror:
        logged = self._logs.read(followed.owner, followed.answer_id)
        if logged is None:
            raise NotFound("no such answer")
        mirror = Mirror(followed, logged.session_id)
        if logged.pieces:
            mirror.take(logged.pieces, logged.cursor)
        else:
            mirror.rebuild(self._turn(followed.owner, followed.answer_id), logged.last or FAR)
        return mirror

    def _look_again(self, mirror: Mirror) -> None:
        try:
            found = self._looked_up(mirror.followed)
        except NotFound:
            mirror.log.close()
            return
        mirror.heard = time.monotonic()
        if found.log.closed and not mirror.log.closed and found.log.last > mirror.log.last:
            self._finish(mirror, found)

    def _finish(self, mirror: Mirror, found: Mirror) -> None:
        batch = found.log.read(mirror.log.last)
        while batch.frames:
            mirror.take([Piece(batch.first, batch.frames)], found.cursor)
            batch = found.log.read(mirror.log.last)
        mirror.log.close()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._listen()
            except QAError:
                time.sleep(self._pace.pause)
            except Exception:
                # An edge, like a request: one log that can't be read must not end all others.
                log.exception("listening to other workers broke")
                time.sleep(self._pace.pause)

    def _listen(self) -> None:
        followed = dict(self._written_elsewhere())
        cursors = {each: mirror.cursor for each, mirror in followed.items()}
        news = self._workers.news(self._worker, cursors, self._pace.news)
        for answer_id in news.stops:
            self._stop(answer_id)
        for each, mirror in followed.items():
            if pieces := news.pieces.get(each.answer_id):
                mirror.take(pieces, news.cursors[each.answer_id])


def _followed(owner: Owner, answer_id: str) -> Followed:
    # Visitors who come from another address than before are still the same owner.
    return Followed(replace(owner, address=""), answer_id)
