"""This module has an answer that is written in this worker, and knows how much of it the shared log has."""

import time
from collections.abc import Container

from qa_service.frames import Frame
from qa_service.interfaces import AppendOutcome, NewLogEntry
from qa_service.running.log import MemoryLog, turn_of_log
from qa_service.running.stop import StopSignal
from qa_service.turns import Admission, Mark, Turn

MOST_FRAMES = 2_000
"""An entry has at most this many frames. What has piled up while the store was away is sent in several entries."""


class RunningAnswer:
    """A `RunningAnswer` is an `AnswerSource` with its stop signal. It makes the entries of the shared log, and notes
    what became of them."""

    def __init__(self, admission: Admission, log: MemoryLog, *, seconds: float, entries: int) -> None:
        question = admission.question
        self.owner = question.owner
        self.files = question.files
        self.answer_id = admission.answer_id
        self.session_id = admission.session.session_id
        self.log = log
        self.stop = StopSignal()
        self.began_at = time.monotonic()
        self.ends_at = self.began_at + seconds
        self.readers = 0
        self.was_read = False
        """This says whether anybody has ever read the answer here."""
        self.left_at = self.began_at
        """The last reader here left at this moment, in seconds of `time.monotonic()`."""
        self._ends_unread = question.on_hangup == "cancel"
        self._needs_readers = question.on_hangup != "ignore"
        self._turn = admission.turn
        # The shared log has the first frame already: the claim wrote it as the first entry.
        self._frames = max(len(log), min(entries, 1))
        self._marks = len(log.marks)
        self._entries = entries

    @property
    def is_flushed(self) -> bool:
        """Tell whether the shared log has all frames and marks."""
        return self._frames >= len(self.log) and self._marks == len(self.log.marks)

    def add_reader(self) -> None:
        """Count one reader more."""
        self.readers += 1
        self.was_read = True

    def remove_reader(self) -> None:
        """Count one reader less."""
        self.readers -= 1
        self.left_at = time.monotonic()

    def has_nothing_after(self, number: int) -> bool:
        return self.log.is_over and number >= self.log.last

    def known_turn(self) -> Turn | None:
        return None if self.log.handed_over else self.current_turn()

    def is_deserted(self, now: float, grace: float) -> bool:
        """Tell whether nobody has read the answer here for so long that it is to be stopped, unless it is read
        elsewhere."""
        patience = 0 if self.was_read and self._ends_unread else grace
        alone = self._needs_readers and not self.readers
        return alone and not self.log.closed and now - self.left_at >= patience

    def next_entry(self, unsaved: Container[str] = ()) -> NewLogEntry | None:
        """Make the next entry for the shared log. Returns None where the log lacks nothing. An entry ends before the
        next gap. `unsaved` has the ids of answers whose turns are still to be saved."""
        if self.is_flushed:
            return None
        begin = self._frames
        end = min(max(begin, self.log.end_of_run(begin)), begin + MOST_FRAMES)
        closed = end == len(self.log) and self.log.is_finished
        # An entry is counted whether or not it arrives, so that no two entries ever have the same id.
        self._entries += 1
        return NewLogEntry(
            self.owner,
            self.answer_id,
            first=self.log.number_at(begin),
            last=self.log.number_at(end - 1),
            count=self._entries - 1,
            items=self._items(begin, end),
            closed=closed,
            settled=closed and self.answer_id not in unsaved,
        )

    def note_outcome(self, entry: NewLogEntry, appended: AppendOutcome) -> None:
        """Note what became of an entry."""
        match appended:
            case "kept" | "unstorable":
                if appended == "unstorable":
                    # Readers elsewhere never see these frames. They see the error with which the answer ends.
                    self.stop.set("unstorable")
                frames = max(0, entry.last + 1 - entry.first)  # An entry of marks alone has no frames.
                self._frames += frames
                self._marks += len(entry.items) - frames
            case "gone":
                # The log is made again from its first frame, where that is known and can be stored.
                whole = self.log.number_at(0) == 1 and self.stop.reason != "unstorable"
                self._frames, self._marks = (0, 0) if whole else (len(self.log), len(self.log.marks))
            case "lost":
                self.stop.set("lost")
                self._frames, self._marks = len(self.log), len(self.log.marks)

    def current_turn(self) -> Turn:
        """Return the turn as it stands, or as it ended."""
        return turn_of_log(self._turn, self.log)

    def _items(self, begin: int, end: int) -> list[Frame | Mark]:
        items: list[Frame | Mark] = []
        for place, mark in self.log.marks[self._marks :]:
            if place > end:
                break
            items += [*self.log.frames_between(begin, place), mark]
            begin = place
        return [*items, *self.log.frames_between(begin, end)]
