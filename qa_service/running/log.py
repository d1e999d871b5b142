"""This module keeps the frames of one answer in a worker's memory, each with its number."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from qa_service.frames import Done, Frame, Reference, references_from_frames, text_from_frames
from qa_service.interfaces import LogEntry
from qa_service.turns import Mark, Turn, turn_from_frames

BATCH_FRAMES = 256
"""A batch has at most this many frames, because the connection of a slow reader holds a whole batch."""
FAR = 1_000_000
"""A gap leaves out this many numbers. No reader can have seen as many frames that aren't in the shared log."""


class Batch(NamedTuple):
    """A `Batch` holds frames with consecutive numbers, the first of which is `first`. A batch without frames is a sign
    of life."""

    first: int
    frames: Sequence[Frame]


class MemoryLog:
    """A `MemoryLog` has one writer and any number of readers, each at its own pace. No frame is ever taken out.

    A *place* is an index into the frames; a *run* is a part of them whose numbers have no gap.

    No delta waits for a lock, whether it is written or read: appending to a list is atomic, a reader enters itself in
    the list of those who wait before it looks a last time, and the writer looks into that list after it has appended. A
    reader waits without a time-out, which would cost 2 of the 50 µs of a delta under gevent. The keeper wakes it
    instead.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._runs: list[tuple[int, int]] = []
        """These are the place and the number of the first frame of each earlier run."""
        self._begin, self._first = 0, 1
        """These are the place and the number of the first frame of the run that is being written."""
        self._waiting: list[threading.Lock] = []
        self.marks: list[tuple[int, Mark]] = []
        """These are the marks, each with the number of frames that came before it."""
        self.closed = False
        self.handed_over = False
        """This says whether the log was closed here while the answer goes on in another worker."""

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def last(self) -> int:
        """Return the number of the last frame, or 0 where there is none."""
        return self.number_at(len(self._frames) - 1)

    @property
    def is_finished(self) -> bool:
        """Tell whether the last frame is `done`."""
        return bool(self._frames) and isinstance(self._frames[-1], Done)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing follows, here or elsewhere. `done` alone says so too, because a reader may see it a
        moment before the log is closed."""
        return self.is_finished or (self.closed and not self.handed_over)

    def number_at(self, place: int) -> int:
        """Return the number that the frame at this place has, or will have."""
        begin, first = self._begin, self._first
        if place < begin:
            begin, first = next((run for run in reversed(self._runs) if place >= run[0]), (0, 1))
        return first + place - begin

    def number_before_last(self, count: int) -> int:
        """Return the number behind which the last `count` frames come, or all frames where there are fewer."""
        return self.number_at(max(len(self._frames) - count, 0)) - 1

    def append_frame(self, frame: Frame) -> None:
        """Add a frame with the next number, and wake the readers that wait."""
        self._frames.append(frame)
        if self._waiting:
            self.wake_readers()

    def add_entry(self, entry: LogEntry) -> None:
        """Add what is new in an entry of the shared log, and wake the readers that wait. Entries may overlap: a frame
        whose number is here already is the same frame."""
        number = entry.first
        for item in entry.items:
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
        """Let the next frame have this number."""
        if self.number_at(len(self._frames)) != number:
            if self._begin < len(self._frames):
                self._runs.append((self._begin, self._first))
            self._begin, self._first = len(self._frames), number

    def leave_gap(self) -> None:
        """Let the next frame have a number that no reader can have seen."""
        self.continue_at(self.last + FAR)

    def close_log(self, *, handed_over: bool = False) -> None:
        """Say that nothing will be appended any more, so that readers come to their end."""
        self.handed_over = handed_over
        self.closed = True
        self.wake_readers()

    def read_batch(self, after: int) -> Batch:
        """Return the next frames behind the one with the number `after`. The batch is empty where none is there yet."""
        place = self._begin + after + 1 - self._first
        if place >= self._begin:
            return Batch(after + 1, self._frames[place : place + BATCH_FRAMES])
        place = self._place(after + 1)
        return Batch(self.number_at(place), self._frames[place : min(place + BATCH_FRAMES, self.end_of_run(place))])

    def frames_between(self, begin: int, end: int) -> Sequence[Frame]:
        """Return the frames from the place `begin` on, up to the place before `end`."""
        return self._frames[begin:end]

    def frames_before(self, number: int) -> Sequence[Frame]:
        """Return the frames whose numbers are lower than this one."""
        place = self._begin + number - self._first
        return self._frames[: place if place >= self._begin else self._place(number)]

    def end_of_run(self, place: int) -> int:
        """Return the place behind the last frame of the run to which this place belongs."""
        if place >= self._begin:
            return len(self._frames)
        return min((begin for begin, _ in self._runs if begin > place), default=self._begin)

    def wait_for_frame(self, after: int, asleep: threading.Lock) -> None:
        """Wait until there is a frame behind the number `after`, or somebody wakes the readers. `asleep` is the
        reader's own lock, which it has acquired. The lock is acquired again when this returns."""
        self._waiting.append(asleep)
        if self.last <= after and not self.closed:
            asleep.acquire()
            return
        try:
            self._waiting.remove(asleep)
        except ValueError:
            # Somebody has taken this reader off the list and releases its lock, now or a moment ago.
            asleep.acquire()

    def wait_for_end(self, seconds: float) -> None:
        """Wait until the log is closed, or for about this many seconds."""
        until, asleep = time.monotonic() + seconds, threading.Lock()
        asleep.acquire()
        while not self.closed and time.monotonic() < until:
            self.wait_for_frame(self.last, asleep)

    def wake_readers(self) -> None:
        """Wake all readers that wait, whether there are new frames or not."""
        with suppress(IndexError):
            while True:
                self._waiting.pop().release()

    def text(self) -> str:
        """Return the text of the answer so far."""
        return text_from_frames(self._frames)

    def references(self) -> tuple[Reference, ...]:
        """Return the sources of the answer so far. Those that came before a `restart` don't count."""
        return references_from_frames(self._frames)

    def _place(self, number: int) -> int:
        """Find, among the earlier runs, the place of the first frame that has this number or a higher one."""
        for begin, first in reversed(self._runs):
            if number >= first:
                return min(begin + number - first, self.end_of_run(begin))
        return 0


def turn_of_log(turn: Turn, log: MemoryLog) -> Turn:
    """Return the turn with the text so far, and with its end where this log has it."""
    return turn_from_frames(turn, log.frames_between(0, len(log)))
