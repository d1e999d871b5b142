"""This module has a drawing that this worker writes: its lines, its readers here, and what others learn of it."""

import os
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path

from qa_service.errors import Overloaded, StoreUnavailable
from qa_service.images.lines import DrawnLine
from qa_service.interfaces import DrawingPlace, DrawingShare, LineNews, LinesEnd
from qa_service.running.stop import StopSignal
from qa_service.threads import NO_ROOM_SECONDS

MOST_READERS = 16
"""This many readers may read one drawing here. Each reads the pictures' files by itself."""
SHARED_BYTES = 64 * 1024 * 1024
"""Of one drawing this many bytes are copied into the store at most. Readers elsewhere are cut where it has more."""
_MADE = "upload-drawn-"
"""The names of the pictures' files begin with this. Files with such names that a killed worker leaves are deleted."""


class RunningDrawing:
    """A `RunningDrawing` has one thread that adds lines and ends it, and any number of readers.

    Whoever calls `add_reader` must call `remove_reader`.
    """

    def __init__(
        self,
        place: DrawingPlace,
        folder: Path,
        *,
        seconds: float,
        share: DrawingShare | None,
        shared_bytes: int = SHARED_BYTES,
    ) -> None:
        """`share` is where readers elsewhere find the lines, at most this many bytes. Without it there are none."""
        self.place = place
        self.stop = StopSignal()
        self.lines: list[DrawnLine] = []
        self.end: LinesEnd = ""
        self._folder = folder
        self._share = share
        self._until = time.monotonic() + seconds
        self._readers = 0
        self._files: list[str] = []
        self._changed = threading.Condition()
        self._sharing = threading.Lock()
        self._shared = 0
        """This many lines were copied for readers elsewhere."""
        self._room = shared_bytes
        """This many bytes may still be copied."""
        self._is_told = False
        """This says whether readers elsewhere need the files no more."""

    def keep_file(self, path: str) -> str:
        """Take the file of a picture, and return its new path. It is deleted when the drawing is over and unread."""
        kept = str(self._folder / f"{_MADE}{secrets.token_hex(16)}")
        os.replace(path, kept)
        self._files.append(kept)
        return kept

    def add_line(self, line: DrawnLine) -> None:
        """Add a line, and wake the readers."""
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def end_lines(self, end: LinesEnd) -> None:
        """Add no more lines. Readers elsewhere get what they lack."""
        # Whoever has seen the end and asks again begins a new drawing, so the claim of this one ends first.
        self._tell_others(end)
        with self._changed:
            self.end = end
            self._changed.notify_all()
        self._delete_unread()

    def wait_for_line(self, number: int, seconds: float) -> bool:
        """Wait at most `seconds` for the line with this number, and return whether it is there."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.lines) > number or bool(self.end), seconds)
            return len(self.lines) > number

    def wait_for_end(self, seconds: float) -> bool:
        """Wait at most `seconds` for the end, and return whether it is there."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.end), seconds)

    def add_reader(self) -> None:
        """Count one reader more. Raises `Overloaded` where there are too many."""
        with self._changed:
            if self._readers >= MOST_READERS:
                raise Overloaded(f"{MOST_READERS} readers have the same pictures drawn", retry_after=NO_ROOM_SECONDS)
            self._readers += 1

    def remove_reader(self) -> None:
        """Count one reader less. Upstream is stopped behind the last one, unless there are readers elsewhere."""
        with self._changed:
            self._readers -= 1
        self.look_around()
        self._delete_unread()

    def look_around(self) -> None:
        """Renew the claim, and stop a drawing that takes too long or that nobody reads."""
        if self._is_told:
            return
        if time.monotonic() > self._until:
            self.stop.set("timeout")
        elif not self._tell_others("") and not self._readers and self._release_claim():
            self.stop.set("hangup")

    def _tell_others(self, end: LinesEnd) -> bool:
        """Copy the lines for readers elsewhere, and return whether there are any. With an `end` the claim ends."""
        with self._sharing:
            try:
                return not self._is_told and self._share_news(end)
            except (StoreUnavailable, OSError):
                return False
            finally:
                self._is_told = self._is_told or bool(end)

    def _share_news(self, end: LinesEnd) -> bool:
        known = False
        while self._share and self._share.share_lines(self.place, LineNews(is_all=known, end=end)):
            if known:
                return True
            self._copy_lines(self._share)
            known = True
        return False

    def _copy_lines(self, share: DrawingShare) -> None:
        for line in self.lines[self._shared :]:
            for piece in line.read_pieces():
                self._room -= len(piece)
                if self._room < 0:
                    share.share_lines(self.place, LineNews(is_all=True, end="cut"))
                    self._share = None
                    return
                share.share_lines(self.place, LineNews((piece,)))
            self._shared += 1

    def _release_claim(self) -> bool:
        """End the claim of a drawing without readers here, and return whether nobody reads it elsewhere either."""
        with self._sharing, suppress(StoreUnavailable):
            return self._is_told or self._share is None or not self._share.share_lines(self.place, LineNews(end="cut"))
        return True

    def _delete_unread(self) -> None:
        with self._changed:
            unread = self._files if self._is_told and not self._readers else []
            self._files = [] if unread else self._files
        for path in unread:
            with suppress(OSError):
                os.unlink(path)
