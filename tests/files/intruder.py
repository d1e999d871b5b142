"""This module plays a file that took its reader over, and tries all that a reading process must not be able to do.

`python -m tests.files.intruder FOLDER PROGRAM REQUEST` plays the worker. Its reading process runs PROGRAM and
then `RUN`. It prints as JSON what became of each attempt: `done`, or the name of the error.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread

from qa_service.file_news import FileText
from qa_service.files.kernel import call_kernel
from qa_service.files.limits import ProcessLimits
from qa_service.files.parsed import PAGE, PageHints, Parsed
from qa_service.files.process import ReadingProcess
from qa_service.files.report import FileReport, receive_parsed, receive_reports
from qa_service.files.sandbox import hide_process
from qa_service.model import Passage, UploadedFile, Verdict

RUN = """
from qa_service.files import child
from tests.files import intruder
child.read_file = intruder.try_all
child.parse_content = intruder.try_all_for_page
child.run_reader()
"""
NUMBERS: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "ptrace": 101,
        "process_vm_readv": 310,
        "keyctl": 250,
        "unshare": 272,
        "bpf": 321,
        "memfd_create": 319,
        "clone": 56,
        "open_of_the_32_bit_abi": 0x40000002,
    },
    "aarch64": {
        "ptrace": 117,
        "process_vm_readv": 270,
        "keyctl": 219,
        "unshare": 97,
        "bpf": 280,
        "memfd_create": 279,
        "clone": 220,
    },
}[os.uname().machine]
PTRACE_SEIZE, IO_URING_SETUP, PIDFD_OPEN = 0x4206, 425, 434


def try_all(file: UploadedFile, content: bytes) -> Iterator[FileReport]:
    """Try everything in the place of reading a file. The file's content names the targets."""
    for number, (name, attempt) in enumerate(_attempts(json.loads(content)).items()):
        passage = Passage("", name, _outcome(attempt))
        yield FileReport(Verdict(file.name, "txt", "used"), text=FileText((passage,), first=number))


def try_all_for_page(request: bytes, content: bytes, charset: str) -> Parsed:
    """Try everything in the place of parsing a page."""
    outcomes = [f"{name}: {_outcome(attempt)}" for name, attempt in _attempts(json.loads(content)).items()]
    return Parsed(hints=PageHints(tuple(outcomes)))


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except (RuntimeError, ValueError) as error:
        return type(error).__name__
    return "done"


def _attempts(targets: Mapping[str, str]) -> dict[str, Callable[[], object]]:
    worker, folder = int(targets["worker"]), Path(targets["folder"])
    return {
        "read the worker's environment": Path(f"/proc/{worker}/environ").read_bytes,
        "open the worker's memory": Path(f"/proc/{worker}/mem").open,
        "read the secret": (folder / "secret").read_bytes,
        "list the data": lambda: list(os.scandir(folder)),
        "write a file": lambda: (folder / "new").write_bytes(b""),
        "delete a file": (folder / "victim").unlink,
        "make a folder": (folder / "made").mkdir,
        "open the upload by its path": (folder / "upload").open,
        "write to the upload": lambda: [os.open(f"/proc/self/fd/{fd}", os.O_WRONLY) for fd in _own_files()],
        "speak to the store": lambda: socket.socket(socket.AF_UNIX).connect(str(folder / "store")),
        "connect": lambda: socket.socket().connect(("127.0.0.1", int(targets["port"]))),
        "send a datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
        "look for the worker": lambda: os.kill(worker, 0),
        "signal the worker": lambda: os.kill(worker, signal.SIGWINCH),
        "have the worker signalled": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, worker),
        "start a thread": lambda: Thread(target=int).start(),
        "become root": lambda: os.setuid(0),
        "take its limits back": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
        "trace the worker": lambda: call_kernel(NUMBERS["ptrace"], PTRACE_SEIZE, worker, 0, 0),
        "copy the worker's memory": lambda: call_kernel(NUMBERS["process_vm_readv"], worker, 0, 0, 0, 0, 0),
        "queue calls": lambda: call_kernel(IO_URING_SETUP, 1, ctypes.addressof(ctypes.create_string_buffer(120))),
        "hold the worker": lambda: call_kernel(PIDFD_OPEN, worker, 0),
        "have a key ring": lambda: call_kernel(NUMBERS["keyctl"], 0, -3, 1),
        "have a namespace": lambda: call_kernel(NUMBERS["unshare"], 0x10000000),
        "load a program": lambda: call_kernel(NUMBERS["bpf"], 0, 0, 0),
        "make a file in memory": lambda: os.memfd_create("x"),
        "use another ABI": lambda: call_kernel(NUMBERS.get("open_of_the_32_bit_abi", -1), 0, 0),
        "start a process": _fork,
        # This is the last one, since none can come after it.
        "become another program": lambda: os.execv("/bin/true", ["true"]),
    }


def _own_files() -> list[int]:
    """Return the files that are open in this process. The upload is one of them."""
    return [fd for fd in range(3, 32) if _is_open(fd)]


def _is_open(fd: int) -> bool:
    try:
        os.lseek(fd, 0, os.SEEK_CUR)
    except OSError:
        return False
    return True


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def main() -> None:
    folder, program = Path(sys.argv[1]), sys.argv[2]
    hide_process()
    (folder / "secret").write_text("key")
    (folder / "victim").write_text("text")
    with socket.socket(socket.AF_UNIX) as store, socket.create_server(("127.0.0.1", 0)) as server:
        store.bind(str(folder / "store"))
        store.listen()
        targets = {"worker": os.getpid(), "folder": str(folder), "port": server.getsockname()[1]}
        (folder / "upload").write_text(json.dumps(targets))
        process = ReadingProcess(ProcessLimits(1 << 30, 20), program + RUN)
        outcomes = _outcomes_of(process, UploadedFile("a.txt", str(folder / "upload"), 100), sys.argv[3].encode())
        process.clean_up()
    print(json.dumps(outcomes))


def _outcomes_of(process: ReadingProcess, file: UploadedFile, request: bytes) -> dict[str, str]:
    with open(file.path, "rb") as upload:
        process.send_open(request, file, upload)
    if request == PAGE:
        parsed = receive_parsed(process.replies)
        return dict(line.split(": ") for line in parsed.hints.links) if parsed else {}
    texts = [report.text for report in receive_reports(process.replies) if report.text]
    return {passage.file: passage.text for text in texts for passage in text.passages}


if __name__ == "__main__":
    main()
