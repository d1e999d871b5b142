"""A `FileReader` that reads each file in a process of its own, so that no file can hurt or stall this one.

Starting Python costs more than reading most files, so one process is kept waiting, warm; it reads one file and
another takes its place. None is started before the first file comes.
"""

import math
import os
import signal
import sys
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import BoundedSemaphore, Timer
from time import sleep
from typing import IO, BinaryIO, cast

import msgspec
from msgspec.structs import replace

from qa_service.errors import Overloaded, Unreadable
from qa_service.files.report import Report, ended, received
from qa_service.interfaces import Stop
from qa_service.model import FileEnd, FileNews, UploadedFile, Verdict
from qa_service.threads import start_thread

_CAUSES = {
    -signal.SIGABRT: "too_large",  # how PDFium, like most C libraries, ends when it gets no memory
    -signal.SIGKILL: "too_large",  # not by us: the system ran out of memory
    -signal.SIGXCPU: "timed_out",
}
NICENESS = 19
# Nice before anything is imported: half of a reading process's work is its start.
_START = f"import os; os.nice({NICENESS}); from qa_service.files.child import main; main()"
_QUEUE_LOOK_SECONDS = 0.2
"""How soon a stop is seen by a file that waits for its turn."""
_DEATH_SECONDS = 1.0
"""What a process that closed its pipe gets to end by itself, so that its exit tells the cause."""


class ChildReaders:
    """Reads at most `slots` files at once; the others wait their turn.

    `seconds` is wall time a file may take, its reader's consumer included; `memory` is bytes of address space.
    """

    def __init__(self, *, seconds: float, memory: int, slots: int) -> None:
        self._seconds = seconds
        self._memory = memory
        self._slots = BoundedSemaphore(slots)
        self._spares: deque[_Child] = deque()
        self._closed = False
        # Whoever forgets to close: an app that goes takes its waiting process along.
        weakref.finalize(self, _end, self._spares)

    def read(self, file: UploadedFile, stop: Stop) -> Iterator[FileNews]:
        """As `FileReader` says. Once stopped, the file is `failed` or `truncated`, for the reason `stopped`."""
        if not self._has_turn(stop):
            yield FileEnd(Verdict(file.name, "unknown", "failed", "stopped"))
            return
        try:
            yield from self._read(file, stop)
        finally:
            self._slots.release()

    def close(self) -> None:
        """End the waiting process; files being read are read on."""
        self._closed = True
        _end(self._spares)

    def _has_turn(self, stop: Stop) -> bool:
        while not self._slots.acquire(timeout=_QUEUE_LOOK_SECONDS):
            if stop.is_set():
                return False
        return True

    def _read(self, file: UploadedFile, stop: Stop) -> Iterator[FileNews]:
        verdict = Verdict(file.name, "unknown", "used")
        child = self._child()
        timer = Timer(self._seconds, child.cut, ["timed_out"])
        forget = stop.call(partial(child.cut, "stopped"))
        try:
            start_thread(timer)
            child.ask(file)
            self._keep_spare()
            for report in received(child.replies):
                verdict = replace(report.verdict, name=file.name)
                yield from _news(report, verdict)
                if report.last:
                    return
                # Under gevent a read that needn't wait lets nobody else run.
                sleep(0)
            reason = child.cause_of_death()
        except Unreadable as error:
            reason = error.reason
        finally:
            forget()
            timer.cancel()
            child.end()
        yield FileEnd(ended(verdict, reason))

    def _child(self) -> "_Child":
        while self._spares:
            spare = self._spares.popleft()
            if spare.is_alive():
                return spare
            spare.end()
        return _Child(memory=self._memory, seconds=self._seconds)

    def _keep_spare(self) -> None:
        if not self._closed and not self._spares:
            # The next file will tell, if there still is no room for a process.
            with suppress(Overloaded):
                self._spares.append(_Child(memory=self._memory, seconds=self._seconds))


def _news(report: Report, verdict: Verdict) -> Iterator[FileNews]:
    if report.progress is not None:
        yield report.progress
    if report.text is not None:
        yield report.text
    if report.last:
        yield FileEnd(verdict)


def _end(spares: "deque[_Child]") -> None:
    while spares:
        spares.popleft().end()


class _Child:
    """One reading process. `cut` is for any thread, all else for the one that reads."""

    def __init__(self, *, memory: int, seconds: float) -> None:
        self._reason = ""
        try:
            self._process = Popen(  # noqa: S603 - nothing in it comes from outside
                [sys.executable, "-P", "-c", _START, str(memory), str(math.ceil(seconds))],
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                # No keys and no settings: what a file takes over finds nothing here.
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                # A group, to be killed whole, but no session: Linux shares the processors between sessions first, and
                # being nice counts only within one.
                process_group=0,
            )
        except OSError as error:
            raise Overloaded("no process could be started to read a file") from error
        # Popen types them as optional; PIPE makes them sure.
        self._requests = cast("IO[bytes]", self._process.stdin)
        self.replies = cast("BinaryIO", self._process.stdout)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, file: UploadedFile) -> None:
        # One that has just died says so by its empty reply.
        with suppress(BrokenPipeError):
            self._requests.write(msgspec.json.encode(file) + b"\n")
            self._requests.flush()

    def cut(self, reason: str) -> None:
        """Kill it; the first reason stays."""
        self._reason = self._reason or reason
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def cause_of_death(self) -> str:
        """The reason, for the verdict, that it closed its pipe before the last report."""
        if self._reason:
            return self._reason
        try:
            return _CAUSES.get(self._process.wait(_DEATH_SECONDS), "damaged")
        except TimeoutExpired:
            return "damaged"

    def end(self) -> None:
        """Leave nothing of it: no process, no pipe."""
        self.cut("ended")
        self._process.wait()
        with suppress(BrokenPipeError):
            self._requests.close()
        self.replies.close()
