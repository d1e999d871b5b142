"""This module asks one question from a terminal, without a server."""

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

from qa_service.assembly import Assembly, assemble
from qa_service.frames import Done
from qa_service.language.charsets import decode_sent
from qa_service.model import UploadedFile
from qa_service.questions import build_question
from qa_service.running.written import RunningAnswer
from qa_service.settings import Settings
from qa_service.submission import Submission
from qa_service.terminal import Terminal, make_printable
from qa_service.web.identity import Owners
from qa_service.web.uploads import clean_name, decode_name

_LAST_SECONDS = 1.0
"""Before the command ends, it waits at most this long until the store has the answer."""


def ask_once(settings: Settings, asked: str, *, files: Sequence[Path] = (), session_id: str = "") -> None:
    """Stream the answer to standard output and the progress to standard error, and write the sources at the end.
    Without a session a new one begins. The process exits with 1 where a file can't be read or the answer failed.
    """
    logging.getLogger("qa_service.answers").setLevel(logging.WARNING)
    for path in files:
        if not (path.is_file() and os.access(path, os.R_OK)):
            sys.exit(f"qa-service: {make_printable(_decode_path(path))}: no such file, or it can't be read")
    assembly = assemble(settings)
    session = {"sessionId": session_id} if session_id else {}
    uploads = tuple(copy_upload(path, assembly.uploads) for path in files)
    with Submission({"question": _decode_argument(asked), **session}, uploads) as sent:
        owner = Owners(assembly.secret).key("command line")
        question = build_question(sent, owner, settings, language=None, resumable=False, offline=assembly.offline)
        running = assembly.runner.start_answer(assembly.desk.admit_new(question))
    signal.signal(signal.SIGINT, partial(_interrupt, running))
    try:
        status = _follow(assembly, running, Terminal(sys.stdout, sys.stderr))
    finally:
        assembly.runner.shut_down("interrupted", _LAST_SECONDS)
    if status == "failed":
        sys.exit(1)


def _interrupt(running: RunningAnswer, number: int, frame: object) -> None:
    """Stop the answer at the first Ctrl-C, and still show what there is of it. The second ends the command at once."""
    if running.stop.is_set():
        raise KeyboardInterrupt
    running.stop.set("cancelled")


def _follow(assembly: Assembly, running: RunningAnswer, terminal: Terminal) -> str:
    status = "failed"
    heartbeat = assembly.settings.heartbeat_seconds
    with closing(assembly.runner.open_reader(running, running.owner, heartbeat=heartbeat)) as reader:
        for frame in chain.from_iterable(batch.frames for batch in reader):
            terminal.show(frame)
            status = frame.status if isinstance(frame, Done) else status
    terminal.clear()
    return status


def copy_upload(path: Path, uploads: Path) -> UploadedFile:
    """Copy the file, since an upload is deleted when its answer has ended."""
    descriptor, copy = tempfile.mkstemp(prefix="upload-", dir=uploads)
    os.close(descriptor)
    shutil.copyfile(path, copy)
    return UploadedFile(clean_name(_decode_path(Path(path.name))), copy, path.stat().st_size)


def _decode_argument(argument: str) -> str:
    """Undo Python's decoding of an argument, and decode it as an upload. Bytes of no known charset become U+FFFD."""
    typed = os.fsencode(argument)
    return decode_sent(typed) or typed.decode(errors="replace")


def _decode_path(path: Path) -> str:
    """Undo Python's decoding of a path, and decode it as an upload's name. Where its bytes aren't UTF-8, Python has put
    halves of surrogate pairs into it."""
    return decode_name(os.fsencode(path))
