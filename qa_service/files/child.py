"""A reading process: takes one file, says what is in it, and ends. `isolation` starts it.

Whatever a file does to it, it does in here: bounded in memory and time, unable to write a file or to start
another process, and gone as soon as its parent is, since that closes its standard input.
"""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import msgspec

from qa_service.files.kinds import KINDS, load_reader
from qa_service.files.reading import read_file
from qa_service.files.report import write_report
from qa_service.model import UploadedFile

_OPEN_FILES = 32


def run_reader() -> None:
    """Read the file that standard input names; report on standard output. Arguments: bytes of memory, seconds."""
    memory, seconds = map(int, sys.argv[1:])
    for kind in KINDS:
        load_reader(kind)
    request = sys.stdin.buffer.readline()
    if request:
        Thread(target=leave_at_end, args=[sys.stdin.fileno()], daemon=True).start()
        confine(memory=memory, seconds=seconds)
        with _only_ours() as replies:
            answer_request(request, replies)


def answer_request(request: bytes, replies: BinaryIO) -> None:
    """Write the reports on the file that `request`, an `UploadedFile` as JSON, names."""
    file = msgspec.json.decode(request, type=UploadedFile)
    for report in read_file(file, Path(file.path).read_bytes()):
        write_report(report, replies)


def leave_at_end(pipe: int) -> None:
    """Wait for the parent to close the pipe or to die, then end the process, whatever it is at.

    Not PDEATHSIG: Linux sends that when the thread ends that started the child, which may be long before.
    """
    # Not through `sys.stdin`, whose lock would be held when the interpreter shuts down.
    os.read(pipe, 1)
    os._exit(0)


def confine(*, memory: int, seconds: int) -> None:
    """Give up, for good, all that reading a file doesn't need. `memory` is bytes of address space."""
    limits = {
        resource.RLIMIT_AS: (memory, memory),
        # At the first SIGXCPU, which tells the parent why; at the second SIGKILL.
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (_OPEN_FILES, _OPEN_FILES),
        resource.RLIMIT_NPROC: (0, 0),
    }
    for limit, bounds in limits.items():
        # macOS knows some of them by name only; the parent's clock holds there too.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, bounds)


def _only_ours() -> BinaryIO:
    """Standard output for reports alone: what a library prints would be taken for one."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies
