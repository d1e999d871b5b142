"""A reading process, seen from the worker that started it; `child` is the program that runs in it."""

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
from qa_service.model import UploadedFile

log = logging.getLogger(__name__)

_CAUSES = {
    -signal.SIGABRT: "too_large",  # PDFium and most other C libraries end like this when they get no memory.
    -signal.SIGKILL: "too_large",  # The worker didn't kill it, so the system did, because it ran out of memory.
    -signal.SIGXCPU: "timed_out",
}
NICENESS = 19
# The process is nice before it imports anything, because half of its work is its start.
PROGRAM = f"import os; os.nice({NICENESS}); from qa_service.files.child import run_reader; run_reader()"
_NO_ROOM = "no process could be started to read a file"
_DEATH_SECONDS = 1.0
"""A process that has closed its pipe gets so long to end by itself, so that its exit status tells the cause."""


class ReadingProcess:
    """One process that reads one file. Any thread may call `kill`; the rest is for the one that reads.

    It runs `program`, which is Python. Raises `Overloaded` where no process can be started.
    """

    def __init__(self, limits: ProcessLimits, program: str = PROGRAM) -> None:
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
        # Popen types it as optional, and PIPE makes it sure.
        self.replies = cast("BinaryIO", self._process.stdout)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send_file(self, file: UploadedFile) -> None:
        """Hand the process an open file to read. Raises `OSError` where the file can't be opened.

        A process that has just died says so by its empty reply.
        """
        request = msgspec.json.encode(replace(file, path=""))
        with open(file.path, "rb") as upload, suppress(ConnectionError):
            socket.send_fds(self._requests, [b"\n"], [upload.fileno()])
            self._requests.sendall(request + b"\n")

    def kill(self, reason: str) -> None:
        """Kill the process. The first reason stays."""
        self._reason = self._reason or reason
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def cause_of_death(self) -> str:
        """Give the verdict's reason for which the process closed its pipe before the last report.

        Raises `Overloaded` where the process couldn't enter its sandbox, and therefore read nothing.
        """
        if self._reason:
            return self._reason
        try:
            status = self._process.wait(_DEATH_SECONDS)
        except TimeoutExpired:
            return "damaged"
        if status == REFUSED:
            log.error("no file is read: a layer of the sandbox refused a reading process")
            raise Overloaded("a reading process couldn't enter its sandbox")
        return _CAUSES.get(status, "damaged")

    def clean_up(self) -> None:
        """Leave nothing of the process, neither itself nor a pipe."""
        self.kill("ended")
        self._process.wait()
        self._requests.close()
        self.replies.close()


def _start(program: str, limits: ProcessLimits, requests: socket.socket) -> Popen[bytes]:
    return Popen(  # noqa: S603 - nothing in it comes from outside
        [sys.executable, "-P", "-c", program, msgspec.json.encode(limits).decode()],
        stdin=requests.fileno(),
        stdout=PIPE,
        stderr=DEVNULL,
        # It gets no keys and no settings, so that a file that takes it over finds none.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        # It has a group, to be killed whole, but no session: Linux shares the processors between sessions first, and
        # being nice counts only within one.
        process_group=0,
    )
