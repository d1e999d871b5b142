"""An answer's frames by number, in a worker's memory."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from qa_service.frames import Done, Frame, text_of
from qa_service.interfaces import LogEntry
from qa_service.turns import Mark, Turn, told

MOST = 256
"""Frames in one batch: what a slow reader's connection holds at most."""
FAR = 1_000_000
"""How far beyond the last number of an answer that broke off its next one lies: more than anybody can have seen."""


class Batch(NamedTuple):
    """Frames numbered one after another; none is a sign of life."""

    first: int
    frames: Sequence[Frame]


class MemoryLog:
    """One writer; readers come and go, each at its own pace. Nothing is ever taken out.

    Neither side takes a lock on the way of a delta: appending to a list is atomic, a reader makes itself known
    before it looks a last time, and the writer looks for waiting readers after it appended. No reader has a clock of
    its own, which would cost more than the rest of its wait: whoever keeps the log rings now and then.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._runs: list[tuple[int, int]] = []
        """Where numbers went on without a gap before: the place of such a run's first frame, and its number."""
        self._begin, self._first = 0, 1
        """The same of the run that is being written."""
        self._waiting: list[threading.Lock] = []
        self.marks: list[tuple[int, Mark]] = []
        """Marks, and how many frames came before each."""
        self.closed = False
        self.handed_over = False
        """Closed here, while the answer goes on elsewhere."""

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def last(self) -> int:
        """The number of the last frame; 0 before the first."""
        return self.number_at(len(self._frames) - 1)

    @property
    def is_finished(self) -> bool:
        """Whether the answer's own last frame is here."""
        return bool(self._frames) and isinstance(self._frames[-1], Done)

    def number_at(self, place: int) -> int:
        """The number of the frame at this place, or that it will have."""
        begin, first = self._begin, self._first
        if place < begin:
            begin, first = next((run for run in reversed(self._runs) if place >= run[0]), (0, 1))
        return first + place - begin

    def append_frame(self, frame: Frame) -> None:
        """Add a frame and wake who waits."""
        self._frames.append(frame)
        if self._waiting:
            self.wake_readers()

    def add_entry(self, piece: LogEntry) -> None:
        """Add what is new in it and wake who waits, once; a frame that is here already, from whomever, is the same."""
        number = piece.first
        for item in piece.items:
            known = number <= self.last
            if isinstance(item, Mark):
                if not known:
                    self.marks.append((len(self._frames), item))
                continue
            if not known:
                self.continue_at(number)
                self._frames.append(item)
            number += 1
        self.wake_readers()

    def continue_at(self, number: int) -> None:
        """The next frame has this number."""
        if self.number_at(len(self._frames)) != number:
            if self._begin < len(self._frames):
                self._runs.append((self._begin, self._first))
            self._begin, self._first = len(self._frames), number

    def leave_gap(self) -> None:
        """The next frame has a number that nobody can have seen."""
        self.continue_at(self.last + FAR)

    def close_log(self, *, handed_over: bool = False) -> None:
        """Nothing will be appended any more; readers stop waiting."""
        self.handed_over = handed_over
        self.closed = True
        self.wake_readers()

    def read_batch(self, after: int) -> Batch:
        """Frames after that number; none where there are none yet."""
        place = self._begin + after + 1 - self._first
        if place >= self._begin:
            return Batch(after + 1, self._frames[place : place + MOST])
        place = self._place(after + 1)
        return Batch(self.number_at(place), self._frames[place : min(place + MOST, self.end_of_run(place))])

    def frames_between(self, begin: int, end: int) -> Sequence[Frame]:
        """Frames by their places."""
        return self._frames[begin:end]

    def end_of_run(self, place: int) -> int:
        """Where the numbers that go on from this place end: the place of the next gap, or of what comes next."""
        if place >= self._begin:
            return len(self._frames)
        return min((begin for begin, _ in self._runs if begin > place), default=self._begin)

    def wait_for_frame(self, after: int, asleep: threading.Lock) -> None:
        """Until there is a frame after that number, or somebody rings. `asleep` is the reader's own, locked."""
        self._waiting.append(asleep)
        if self.last <= after and not self.closed:
            asleep.acquire()
            return
        try:
            self._waiting.remove(asleep)
        except ValueError:
            asleep.acquire()  # rung already, or this very moment: locked again for the next wait

    def wait_for_end(self, seconds: float) -> None:
        """Until it is closed, or for about so long."""
        until, asleep = time.monotonic() + seconds, threading.Lock()
        asleep.acquire()
        while not self.closed and time.monotonic() < until:
            self.wait_for_frame(self.last, asleep)

    def wake_readers(self) -> None:
        """Wake whoever waits, be there news or not."""
        with suppress(IndexError):
            while True:
                self._waiting.pop().release()

    def text(self) -> str:
        """The answer as far as it has come."""
        return text_of(self._frames)

    def _place(self, number: int) -> int:
        """Of the first frame with this number or a higher one, where that lies before the run that is written."""
        for begin, first in reversed(self._runs):
            if number >= first:
                return min(begin + number - first, self.end_of_run(begin))
        return 0


def turn_of(turn: Turn, log: MemoryLog) -> Turn:
    """The turn as this log tells it."""
    return told(turn, log.frames_between(0, len(log)))
