"""This module reads each file in a process of its own, so that no file can hurt or stall the worker."""

import logging
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from tempfile import TemporaryFile
from threading import Timer
from typing import BinaryIO

from msgspec.structs import replace

from qa_service.errors import Overloaded, Unreadable
from qa_service.file_news import FileBegin, FileEnd, FileNews
from qa_service.files.limits import ProcessLimits
from qa_service.files.parsed import Parsed
from qa_service.files.process import READER_PROGRAM, ReadingProcess
from qa_service.files.queue import FairQueue
from qa_service.files.report import FileReport, final_verdict, receive_parsed, receive_reports
from qa_service.files.sandbox import find_gaps, hide_process
from qa_service.interfaces import Stop
from qa_service.model import ReadRequest, UploadedFile, Verdict
from qa_service.pause import LongWork
from qa_service.threads import start_thread

log = logging.getLogger(__name__)


class ChildReaders:
    """`ChildReaders` is a `FileReader` that reads at most `slots` files at once, and two small ones more. The
    owners of the others take turns.

    Reading a file may take `seconds` of real time. The time in which the caller uses the file's news counts, too.
    `limits` bound the memory and the processor time of its process, which runs `program`.
    """

    def __init__(self, *, seconds: float, slots: int, limits: ProcessLimits, program: str = READER_PROGRAM) -> None:
        self._seconds = seconds
        self._start_process = partial(ReadingProcess, limits, program)
        self._queue = FairQueue(slots)
        self._spares: deque[ReadingProcess] = deque()
        self._has_begun = False
        self._closed = False
        # If nobody calls `close`, the spare process is ended when this object is garbage-collected.
        weakref.finalize(self, _end_all, self._spares)

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        """Read a file as `FileReader` says. Raises `Overloaded` where no process can read it now.

        After a stop the verdict is `failed` or `truncated`, with the reason `stopped`.
        """
        unread = Verdict(request.file.name, "unknown", "used")
        if request.seconds is not None and request.seconds <= 0:
            yield FileEnd(final_verdict(unread, "over_quota"))
            return
        with self._queue.hold_slot(request.owner, stop, request.file.size) as has_slot:
            end = FileEnd(final_verdict(unread, "stopped"))
            if has_slot:
                yield FileBegin()
                end = yield from self._read(request, stop, unread)
        yield end

    def parse_content(
        self,
        request: bytes,
        content: bytes,
        charset: str = "",
        *,
        seconds: float | None = None,
        stop: Stop | None = None,
    ) -> Parsed:
        """Parse a web page or a sitemap in a process of its own, as a `ParseContent` does. It takes no slot, because
        each caller parses one at a time.

        `Unreadable` has the reason `over_quota` where these seconds were too few, and `stopped` after a stop.
        """
        if seconds is not None and seconds <= 0:
            raise Unreadable("over_quota")
        try:
            with _opened(content) as opened, self._running_process(seconds, stop) as process:
                process.send_open(request, UploadedFile("", "", len(content), charset), opened)
                self._keep_spare()
                parsed = receive_parsed(process.replies) or Parsed(reason=process.cause_of_death())
        except OSError as error:
            raise Overloaded("a page could not be handed to a reading process") from error
        if parsed.reason:
            raise Unreadable(parsed.reason)
        return parsed

    def close(self) -> None:
        """End the spare process, and start no other one. Files that are being read are still read to their end."""
        self._closed = True
        _end_all(self._spares)

    def _read(self, request: ReadRequest, stop: Stop, verdict: Verdict) -> Generator[FileNews, None, FileEnd]:
        began, work = time.monotonic(), LongWork()
        reason: str | None = None
        with self._running_process(request.seconds, stop) as process:
            try:
                for report in self._reports(request, process):
                    verdict = replace(report.verdict, name=request.file.name)
                    yield from report.list_news()
                    if report.last:
                        break
                    # Under gevent, reading from a pipe that has bytes lets no other request run.
                    work.end_step()
                else:
                    reason = process.cause_of_death()
            except Unreadable as error:
                reason = error.reason
        return FileEnd(final_verdict(verdict, reason) if reason else verdict, time.monotonic() - began)

    @contextmanager
    def _running_process(self, seconds: float | None, stop: Stop | None = None) -> Iterator[ReadingProcess]:
        """Give a process that is killed when its time is over or the stop is set, if there is one. Nothing of it is
        left after the context."""
        process = self._take_process()
        timer = self._timer(seconds, process)
        forget = stop.call_when_set(partial(process.kill, "stopped")) if stop else lambda: None
        try:
            start_thread(timer)
            yield process
        finally:
            forget()
            timer.cancel()
            process.clean_up()

    def _reports(self, request: ReadRequest, process: ReadingProcess) -> Iterator[FileReport]:
        try:
            process.send_file(request.file)
        except FileNotFoundError as error:
            raise Unreadable("damaged") from error
        except OSError as error:
            raise Overloaded("an upload could not be opened") from error
        self._keep_spare()
        yield from receive_reports(process.replies)

    def _timer(self, seconds: float | None, process: ReadingProcess) -> Timer:
        if seconds is not None and seconds < self._seconds:
            return Timer(seconds, process.kill, ["over_quota"])
        return Timer(self._seconds, process.kill, ["timed_out"])

    def _take_process(self) -> ReadingProcess:
        if not self._has_begun:
            _prepare_worker()
            self._has_begun = True
        while self._spares:
            spare = self._spares.popleft()
            if spare.is_alive():
                return spare
            spare.clean_up()
        return self._start_process()

    def _keep_spare(self) -> None:
        if not self._closed and not self._spares:
            # If the system still starts no process when the next file comes, that file raises `Overloaded`.
            with suppress(Overloaded):
                self._spares.append(self._start_process())


@contextmanager
def _opened(content: bytes) -> Iterator[BinaryIO]:
    """Give an open file with this content, which has no path."""
    with open(os.memfd_create("fetched"), "w+b") if sys.platform == "linux" else TemporaryFile() as opened:
        opened.write(content)
        opened.seek(0)
        yield opened


def _prepare_worker() -> None:
    """Hide the worker's memory from reading processes, and warn operators of each layer that their sandbox lacks.
    Raises `Overloaded` where nothing can be opened to find the layers out."""
    hide_process()
    try:
        gaps = find_gaps()
    except OSError as error:
        raise Overloaded("a worker could not look at its sandbox") from error
    for gap in gaps:
        log.warning("files are read in a sandbox with a gap: %s", gap)


def _end_all(spares: deque[ReadingProcess]) -> None:
    while spares:
        spares.popleft().clean_up()
