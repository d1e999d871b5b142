"""One connection's view of an answer."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from qa_service.interfaces import Meter
from qa_service.running.log import Batch
from qa_service.running.source import AnswerSource

SILENCE = Batch(0, ())


class ReaderTimes(Struct, frozen=True):
    """Seconds: after how much silence a reader gives a sign of life, and how often it is woken to notice the time."""

    heartbeat: float
    look: float


class AnswerReader(Iterable[Batch]):
    """Batches of all there is, as it comes, and an empty one as a sign of life after enough silence.

    It ends with the answer, or when `gone` says that nobody listens any more, which is asked about once a second of
    silence; then `handed_over` tells whether the answer goes on elsewhere. Whoever reads must `close` it, even unread;
    then `left` is called.
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
        meter.streams(1)

    def __iter__(self) -> Iterator[Batch]:
        """The rest, from wherever it was left."""
        return self._batches

    @property
    def handed_over(self) -> bool:
        """Whether the answer goes on in another worker, where the rest can be read."""
        return self._source.log.handed_over

    def close(self) -> None:
        """Doing it again changes nothing."""
        if self._open:
            self._open = False
            self._source.remove_reader()
            self._meter.streams(-1)
            self._left(self._source)

    def _read(self, times: ReaderTimes, after: int) -> Iterator[Batch]:
        log, asleep, heard = self._source.log, threading.Lock(), time.monotonic()
        asleep.acquire()
        while True:
            # Looked at first: what is appended between the two looks is read in the next round.
            closed = log.closed
            batch = log.read_batch(after)
            if batch.frames:
                after = batch.first + len(batch.frames) - 1
                yield batch
            elif closed:
                if after > log.last and log.is_finished:  # a number that the answer never had
                    yield Batch(log.last, log.frames_between(len(log) - 1, len(log)))
                return
            elif not self._passed(after, asleep):
                continue
            elif self._gone():
                return
            elif time.monotonic() < heard + times.heartbeat - times.look / 2:
                continue
            else:
                yield SILENCE
            heard = time.monotonic()

    def _passed(self, after: int, asleep: threading.Lock) -> bool:
        """Wait for a frame; True if only time has passed."""
        log = self._source.log
        log.wait_for_frame(after, asleep)
        return log.last <= after and not log.closed
