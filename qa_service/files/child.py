"""This is the program of a reading process. It enters the sandbox, takes one file, reports what is in it, and ends.

`process` is the worker's side of it. A file that attacks its reader can harm only this process.
"""

import codecs
import gc
import os
import resource
import select
import socket
import sys
from collections.abc import Collection, Iterable
from threading import Thread
from typing import BinaryIO

import msgspec

from qa_service.errors import Unreadable
from qa_service.files.kinds import KINDS, load_reader
from qa_service.files.limits import REFUSED, ProcessLimits
from qa_service.files.parsed import FILE, Parsed
from qa_service.files.parsing import parse_content
from qa_service.files.reading import read_file
from qa_service.files.report import FileReport, write_message
from qa_service.files.sandbox import close_sandbox, enter_layers, limit_process
from qa_service.language.charsets import CODECS
from qa_service.model import UploadedFile

_PARSERS_CODECS = ("ascii", "cp437", "latin-1", "raw-unicode-escape", "utf-8-sig")
"""The parsers ask for these codecs in addition to those of `CODECS`."""


def run_reader(kinds: Collection[str] = KINDS) -> None:
    """Read the file that comes through standard input, which has one of these kinds or is a page, and report on
    standard output.

    The limits are the program's argument, as JSON.
    """
    limits = msgspec.json.decode(sys.argv[1], type=ProcessLimits)
    requests = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=sys.stdin.fileno())
    # The worker made this socket, and under gevent a worker's sockets don't block.
    requests.setblocking(True)
    load_all(kinds)
    replies = _take_output()
    try:
        enter_layers(memory=limits.memory)
        # The thread starts after `enter_layers`, so that Landlock binds it too, and before `close_sandbox`, which
        # forbids to start threads.
        Thread(target=leave_at_end, args=[sys.stdin.fileno()], daemon=True).start()
        close_sandbox()
    except OSError:
        os._exit(REFUSED)
    answer_request(requests, replies, limits)


def load_all(kinds: Collection[str] = KINDS) -> None:
    """Import everything that reading a file of these kinds may need, because nothing can be imported in the sandbox."""
    for kind in kinds:
        load_reader(kind)
    for codec in {*CODECS.values(), *_PARSERS_CODECS}:
        codecs.lookup(codec).decode(b"")
    # All of this stays to the end. To look through it for garbage would take a third of the time of a small file.
    gc.freeze()
    gc.enable()


def answer_request(requests: socket.socket, replies: BinaryIO, limits: ProcessLimits) -> None:
    """Take one request from the worker, and write what it gives: the reports on a file, or one `Parsed`.

    A request is one byte that says what to do, with which the open file is passed, and then a line with its
    `UploadedFile` as JSON. Nothing is reported where no file is passed.
    """
    request, descriptors, *_ = socket.recv_fds(requests, 1, 1)
    if not descriptors:
        return
    with open(requests.fileno(), "rb", closefd=False) as lines, open(descriptors[0], "rb") as upload:
        file = msgspec.json.decode(lines.readline(), type=UploadedFile)
        limit_process(resource.RLIMIT_CPU, limits.seconds(file.size), reserve=1)
        for message in _list_messages(request, file, upload.read()):
            write_message(message, replies)


def _list_messages(request: bytes, file: UploadedFile, content: bytes) -> Iterable[FileReport | Parsed]:
    return read_file(file, content) if request == FILE else [_parse(request, content, file.charset)]


def _parse(request: bytes, content: bytes, charset: str) -> Parsed:
    try:
        return parse_content(request, content, charset)
    except Unreadable as error:
        return Parsed(reason=error.reason)
    except MemoryError:
        return Parsed(reason="too_large")


def leave_at_end(pipe: int) -> None:
    """End this process, whatever it is doing, when the worker closes the other end of the pipe or dies.

    The kernel has a signal for this, PDEATHSIG. It isn't used, because it comes when the thread that started the
    process ends, and that thread may end long before the worker.
    """
    poller = select.poll()
    # No event is asked for, so `poll` returns only when the other side is closed.
    poller.register(pipe, 0)
    poller.poll()
    os._exit(0)


def _take_output() -> BinaryIO:
    """Return standard output for reports alone, and let whatever a library prints go to standard error. In the pipe it
    would be taken for a report."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies
