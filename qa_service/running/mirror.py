"""This module mirrors an answer that isn't written in this worker, for all who read it here. The mirror is made from
what the store knows of the answer."""

import threading
import time
from collections.abc import Sequence

from qa_service.frames import Done, Frame, Restart, Start, Text, TopicNotice
from qa_service.interfaces import FollowedAnswer, LogEntry
from qa_service.pause import LongWork
from qa_service.running.log import MemoryLog
from qa_service.turns import Turn


class MirroredAnswer:
    """A `MirroredAnswer` is an `AnswerSource` whose log grows as entries of the shared log come in."""

    def __init__(self, followed: FollowedAnswer, session_id: str) -> None:
        self.owner = followed.owner
        self.answer_id = followed.answer_id
        self.session_id = session_id
        self.followed = followed
        self.log = MemoryLog()
        self.cursor = "0-0"
        self._lock = threading.Lock()
        self.heard_at = time.monotonic()
        self.readers = 0
        self.left_at = self.heard_at
        """The last reader left at this moment, in seconds of `time.monotonic()`."""
        self.expired_after = 0
        """Where the shared log has expired, this is the number of its last frame. Otherwise it is 0."""

    def add_reader(self) -> None:
        """Count one reader more."""
        self.readers += 1

    def remove_reader(self) -> None:
        """Count one reader less."""
        self.readers -= 1
        self.left_at = time.monotonic()

    def has_nothing_after(self, number: int) -> bool:
        return self.log.is_over and (number >= self.log.last or number == self.expired_after > 0)

    def known_turn(self) -> Turn | None:
        return None

    def add_entries(self, entries: Sequence[LogEntry], cursor: str) -> None:
        """Add new entries of the shared log. `cursor` is the position from which the log is to be read next."""
        with self._lock:
            self.cursor, self.heard_at = cursor, time.monotonic()
            work = LongWork()
            for entry in entries:
                self.log.add_entry(entry)
                work.end_step()
        if self.log.is_finished:
            self.log.close_log()

    def rebuild_from(self, turn: Turn, last: int) -> None:
        """Make the frames from the turn, because the shared log has expired. `last` is the number of the last frame
        that the shared log had."""
        self.expired_after = last
        self.log.add_entry(LogEntry(last + 1, frames_from_turn(turn, "expired")))
        self.log.close_log()


def frames_from_turn(turn: Turn, reason: str) -> list[Frame]:
    """Make the frames of an answer of which only the turn is left. The answer begins again, with a `restart` for this
    reason."""
    topic = turn.metadata.topic if turn.metadata else TopicNotice(turn.topic, drifted=False, score=0.0)
    model = turn.metadata.model if turn.metadata else ""
    start = Start(turn.answer_id, turn.session_id, created=False, model=model, topic=topic, created_at=turn.created_at)
    ending = [frame for frame in (turn.error, turn.metadata) if frame]
    return [start, Restart(reason), Text(turn.text), *turn.images, *turn.references, *ending, Done(turn.status)]
