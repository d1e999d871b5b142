"""An answer that is written in this worker, and what of it the shared log has by now."""

import time
from collections.abc import Container

from qa_service.frames import Frame
from qa_service.interfaces import Appended, Entry
from qa_service.running.log import MemoryLog, turn_of
from qa_service.running.stop import StopSignal
from qa_service.turns import Admission, Mark, Turn

MOST_FRAMES = 2_000
"""In one entry, so that what has piled up while the store was away goes there in pieces."""


class Running:
    """An `AnswerSource` with its stop, and what of it the shared log has by now."""

    def __init__(self, admission: Admission, log: MemoryLog, *, seconds: float, entries: int) -> None:
        question = admission.question
        self.owner = question.owner
        self.files = question.files
        self.answer_id = admission.answer_id
        self.session_id = admission.session.session_id
        self.log = log
        self.stop = StopSignal()
        self.began = time.monotonic()
        self.ends = self.began + seconds
        self.readers = 0
        self.read = False
        """Whether anybody has read it here."""
        self.left = self.began
        """When the last reader here went."""
        self._ends_unread = question.on_hangup == "cancel"
        self._turn = admission.turn
        # The claim has written the first frame already, as the first entry.
        self._frames = max(len(log), min(entries, 1))
        self._marks = len(log.marks)
        self._entries = entries

    @property
    def flushed(self) -> bool:
        """Whether the shared log has it all."""
        return self._frames >= len(self.log) and self._marks == len(self.log.marks)

    def join(self) -> None:
        """A reader more."""
        self.readers += 1
        self.read = True

    def leave(self) -> None:
        """A reader less."""
        self.readers -= 1
        self.left = time.monotonic()

    def has_nothing_after(self, number: int) -> bool:
        return self.log.closed and not self.log.handed_over and number >= self.log.last

    def known_turn(self) -> Turn | None:
        return None if self.log.handed_over else self.turn()

    def deserted(self, now: float, grace: float) -> bool:
        """Whether it is to be stopped, unless somebody reads it on another worker."""
        patience = 0 if self.read and self._ends_unread else grace
        return not self.readers and not self.log.closed and now - self.left >= patience

    def entry(self, unsaved: Container[str] = ()) -> Entry | None:
        """What the shared log lacks; of frames behind a gap, none yet. `unsaved` answers are still to be saved."""
        if self.flushed:
            return None
        begin = self._frames
        end = min(max(begin, self.log.run(begin)), begin + MOST_FRAMES)
        closed = end == len(self.log) and self.log.finished
        # Counted whether or not it arrives: the same id never stands for two entries.
        self._entries += 1
        return Entry(
            self.owner,
            self.answer_id,
            first=self.log.number(begin),
            last=self.log.number(end - 1),
            count=self._entries - 1,
            items=self._items(begin, end),
            closed=closed,
            settled=closed and self.answer_id not in unsaved,
        )

    def note(self, entry: Entry, appended: Appended) -> None:
        """What became of it."""
        match appended:
            case "kept" | "unstorable":
                if appended == "unstorable":
                    # Readers of the shared log go without these; what the answer says of its end comes behind them.
                    self.stop.set("unstorable")
                frames = max(0, entry.last + 1 - entry.first)  # marks behind a gap stand with the frame before it
                self._frames += frames
                self._marks += len(entry.items) - frames
            case "gone":
                # It is made again from its first frame, where that is known and can be stored.
                whole = self.log.number(0) == 1 and self.stop.reason != "unstorable"
                self._frames, self._marks = (0, 0) if whole else (len(self.log), len(self.log.marks))
            case "lost":
                self.stop.set("lost")
                self._frames, self._marks = len(self.log), len(self.log.marks)

    def turn(self) -> Turn:
        """The answer as it stands, or as it ended."""
        return turn_of(self._turn, self.log)

    def _items(self, begin: int, end: int) -> list[Frame | Mark]:
        items: list[Frame | Mark] = []
        for place, mark in self.log.marks[self._marks :]:
            if place > end:
                break
            items += [*self.log.slice(begin, place), mark]
            begin = place
        return [*items, *self.log.slice(begin, end)]
