"""This module starts, feeds and ends one reading process in the worker. `child` is the program that runs in it."""

import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import BinaryIO, cast

import msgspec
from msgspec.structs import replace

from qa_service.errors import Overloaded
from qa_service.files.limits import REFUSED, ProcessLimits
from qa_service.files.parsed import FILE
from qa_service.model import UploadedFile

log = logging.getLogger(__name__)

_CAUSES = {
    -signal.SIGABRT: "too_large",  # PDFium and most other C libraries abort when they get no memory.
    -signal.SIGKILL: "too_large",  # The worker didn't kill it, so the system did, because it ran out of memory.
    -signal.SIGXCPU: "timed_out",
}
_NICENESS = 19
# The process lowers its priority before it imports anything, because half of its work is to import the parsers. What
# it imports stays, so that to look for garbage meanwhile would be in vain.
_BEGIN = f"import gc, os; gc.disable(); os.nice({_NICENESS}); from qa_service.files.child import run_reader;"
READER_PROGRAM = f"{_BEGIN} run_reader()"
"""It reads files of all kinds, and parses pages."""
PAGE_PROGRAM = f"{_BEGIN} run_reader(kinds=())"
"""It parses pages and sitemaps alone, and therefore starts in half of the time."""
_NO_ROOM = "no process could be started to read a file"
_DEATH_SECONDS = 1.0
"""A process that has closed its pipe has this many seconds to end by itself, so that its exit status tells the
cause."""


class ReadingProcess:
    """A `ReadingProcess` is one process that reads one file.

    Any thread may call `kill`, and one thread alone calls the other methods. The process runs `program`, which is
    Python source code. The constructor raises `Overloaded` where no process can be started.
    """

    def __init__(self, limits: ProcessLimits, program: str) -> None:
        self._reason = ""
        try:
            self._requests, theirs = socket.socketpair()
        except OSError as error:
            raise Overloaded(_NO_ROOM) from error
        try:
            with theirs:
                self._process = _start(program, limits, theirs)
        except OSError as error:
            self._requests.close()
            raise Overloaded(_NO_ROOM) from error
        # `Popen` declares it as optional, but with PIPE it is always there.
        self.replies = cast("BinaryIO", self._process.stdout)

    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self._process.poll() is None

    def send_file(self, file: UploadedFile) -> None:
        """Hand the process an open file to read. Raises `OSError` where the file can't be opened.

        Nothing is raised where the process has just died: then `replies` ends without a report.
        """
        with open(file.path, "rb") as upload:
            self.send_open(FILE, file, upload)

    def send_open(self, request: bytes, file: UploadedFile, opened: BinaryIO) -> None:
        """Hand the process a file that is open already, with the beginning of a request. Nothing is raised where the
        process has just died."""
        described = msgspec.json.encode(replace(file, path=""))
        with suppress(ConnectionError):
            socket.send_fds(self._requests, [request], [opened.fileno()])
            self._requests.sendall(described + b"\n")

    def kill(self, reason: str) -> None:
        """Kill the process, and remember why for `cause_of_death`. The first of several reasons counts."""
        self._reason = self._reason or reason
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def cause_of_death(self) -> str:
        """Return why the process closed its pipe before the last report, as a verdict's reason.

        Raises `Overloaded` where the process couldn't enter its sandbox, and therefore read nothing.
        """
        if self._reason:
            return self._reason
        try:
            status = self._process.wait(_DEATH_SECONDS)
        except TimeoutExpired:
            return "damaged"
        if status == REFUSED:
            log.error("no file is read: a reading process couldn't enter a layer of its sandbox")
            raise Overloaded("a reading process couldn't enter its sandbox")
        return _CAUSES.get(status, "damaged")

    def clean_up(self) -> None:
        """Kill the process if it runs, wait for its end, and close its pipes."""
        self.kill("ended")
        self._process.wait()
        self._requests.close()
        self.replies.close()


def _start(program: str, limits: ProcessLimits, requests: socket.socket) -> Popen[bytes]:
    return Popen(
        [sys.executable, "-P", "-c", program, msgspec.json.encode(limits).decode()],
        stdin=requests.fileno(),
        stdout=PIPE,
        stderr=DEVNULL,
        # The process gets no keys and no settings, so that a hostile file that controls it finds none.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        # The process leads a group, so that `kill` reaches whatever it starts. It has no session of its own: Linux
        # shares the processors between sessions first, and a low priority counts only within a session.
        process_group=0,
    )
