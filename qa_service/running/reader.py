"""This module reads an answer for one connection."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from qa_service.frames import Frame
from qa_service.interfaces import Meter
from qa_service.running.log import Batch
from qa_service.running.source import AnswerSource

NOTHING_NEW = Batch(0, ())


class ReaderTimes(Struct, frozen=True):
    """A `ReaderTimes` says after how many seconds of silence a reader gives a sign of life, and how many seconds pass
    until it is woken to notice the time."""

    heartbeat: float
    look: float


class AnswerReader(Iterable[Batch]):
    """An `AnswerReader` is an iterable of batches. It gives every frame behind the number `after`, as it comes, and
    after enough silence an empty batch as a sign of life.

    It ends with the answer, or when `gone` says that the connection is closed. During silence `gone` is asked about
    once a second. Afterwards `handed_over` says whether the answer goes on in another worker. Whoever opens a reader
    must `close` it, even a reader that was never read; `close` calls `left`.
    """

    def __init__(
        self,
        source: AnswerSource,
        *,
        meter: Meter,
        times: ReaderTimes,
        after: int,
        gone: Callable[[], bool],
        left: Callable[[AnswerSource], None],
    ) -> None:
        self._source = source
        self._meter = meter
        self._left = left
        self._gone = gone
        self._batches = self._read(times, after)
        self._open = True
        source.add_reader()
        meter.count_streams(1)

    def __iter__(self) -> Iterator[Batch]:
        """Give the batches that haven't been read yet."""
        return self._batches

    @property
    def handed_over(self) -> bool:
        """Tell whether the rest of the answer is to be read in another worker."""
        return self._source.log.handed_over

    def frames_before(self, batch: Batch) -> Sequence[Frame]:
        """Return the frames of the answer that come before this batch, whether they were read here or not."""
        return self._source.log.frames_before(batch.first)

    def close(self) -> None:
        """Count one reader less. Closing a reader again changes nothing."""
        if self._open:
            self._open = False
            self._source.remove_reader()
            self._meter.count_streams(-1)
            self._left(self._source)

    def _read(self, times: ReaderTimes, after: int) -> Iterator[Batch]:
        log, asleep, heard = self._source.log, threading.Lock(), time.monotonic()
        asleep.acquire()
        while True:
            # This is looked at before the frames: what is appended in between is read in the next round.
            closed = log.closed
            batch = log.read_batch(after)
            if batch.frames:
                after = batch.first + len(batch.frames) - 1
                yield batch
            elif closed:
                if after > log.last and log.is_finished:  # The caller named a number that the answer never had.
                    yield Batch(log.last, log.frames_between(len(log) - 1, len(log)))
                return
            elif not self._passed(after, asleep):
                continue
            elif self._gone():
                return
            elif time.monotonic() < heard + times.heartbeat - times.look / 2:
                continue
            else:
                yield NOTHING_NEW
            heard = time.monotonic()

    def _passed(self, after: int, asleep: threading.Lock) -> bool:
        """Wait for a frame. Returns True where none came, and only time has passed."""
        log = self._source.log
        log.wait_for_frame(after, asleep)
        return log.last <= after and not log.closed
