"""This module gives the lines of a drawing to one connection, whichever worker writes them."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from qa_service.errors import StoreUnavailable
from qa_service.images.lines import BLANK_LINE
from qa_service.images.running import RunningDrawing
from qa_service.interfaces import DrawingPlace, DrawingShare, LinesEnd


class LineSource(Protocol):
    """A `LineSource` is where one reader's lines come from."""

    @property
    def end(self) -> LinesEnd:
        """Return how the lines ended. Then there are no more pieces than those that the next `take_pieces` gives."""

    def take_pieces(self, seconds: float) -> Iterator[bytes]:
        """Give the next pieces. If there are none yet, wait for them, at most `seconds`."""

    def leave(self) -> None:
        """Note that the reader is gone."""


class LinesHere:
    """A `LinesHere` is a `LineSource` of a drawing of this worker."""

    def __init__(self, drawing: RunningDrawing) -> None:
        """Raises `Overloaded` where the drawing has too many readers."""
        self._drawing = drawing
        self._next = 0
        drawing.add_reader()

    @property
    def end(self) -> LinesEnd:
        return self._drawing.end

    def take_pieces(self, seconds: float) -> Iterator[bytes]:
        while self._drawing.wait_for_line(self._next, seconds):
            self._next += 1
            yield from self._drawing.lines[self._next - 1].read_pieces()
            seconds = 0

    def leave(self) -> None:
        self._drawing.remove_reader()


class LinesElsewhere:
    """A `LinesElsewhere` is a `LineSource` of a drawing that another worker writes."""

    def __init__(self, share: DrawingShare, place: DrawingPlace) -> None:
        self.end: LinesEnd = ""
        self._share = share
        self._place = place
        self._after = ""

    def take_pieces(self, seconds: float) -> Iterator[bytes]:
        if self.end:
            return
        try:
            found = self._share.read_lines(self._place, self._after)
        except StoreUnavailable:
            self.end = "cut"
            return
        self._after = found.last
        yield from found.pieces
        if found.end:
            self.end = found.end
        elif not found.pieces and not found.is_claimed:
            self.end = "cut"
        elif not found.pieces:
            time.sleep(seconds)

    def leave(self) -> None:
        """Do nothing. The writer notices after some seconds that nobody reads here any more."""


class ReadingTimes(Struct, frozen=True):
    """A `ReadingTimes` says after how many seconds of silence a reader gives a sign of life, and how often it looks for
    pieces and for its connection's end."""

    heartbeat: float
    look: float = 0.5


class LineReader(Iterable[bytes]):
    """A `LineReader` gives the lines of a drawing in pieces, as they come, and blank lines in between: one at once, and
    one after each silence.

    It ends with the drawing, or when `gone` says that the connection is closed. Afterwards `is_cut` says whether the
    connection must end without the end of its body. Whoever opens a reader must `close` it, even one that was never
    read.
    """

    def __init__(self, source: LineSource, times: ReadingTimes, gone: Callable[[], bool]) -> None:
        self.is_cut = False
        self._source = source
        self._times = times
        self._gone = gone
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        heard, last = time.monotonic(), BLANK_LINE
        yield last
        while True:
            end = self._source.end  # This is read before the pieces, because some may come in between.
            silent = True
            for last in self._source.take_pieces(self._times.look):
                silent = False
                yield last
            if not silent:
                heard = time.monotonic()
            elif end or self._gone():
                self.is_cut = end != "whole"
                return
            elif last.endswith(BLANK_LINE) and time.monotonic() >= heard + self._times.heartbeat:
                heard = time.monotonic()
                yield BLANK_LINE

    def close(self) -> None:
        """Leave the drawing. Closing a reader again changes nothing."""
        if self._is_open:
            self._is_open = False
            self._source.leave()
