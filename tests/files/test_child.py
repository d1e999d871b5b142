"""These tests show what a reading process does, run in this one."""

import os
import resource
import socket
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from qa_service.files import child, sandbox
from qa_service.files.limits import ProcessLimits
from qa_service.files.process import READER_PROGRAM
from qa_service.files.report import receive_reports
from qa_service.model import UploadedFile

ROOT = Path(__file__).parents[2]
COLLECTED = "print(gc.get_stats()[1]['collections'], gc.isenabled())"
LIMITS = ProcessLimits(memory=1 << 30, most_seconds=20)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Record what is given up, since no process gets it back."""
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    return limits


def test_it_reads_the_open_file_that_it_is_handed(tmp_path: Path, limited: dict[int, tuple[int, int]]) -> None:
    upload, replies = tmp_path / "upload", BytesIO()
    upload.write_text("안녕하세요.")
    ours, theirs = socket.socketpair()

    with ours, theirs, upload.open() as opened:
        socket.send_fds(ours, [b"\n"], [opened.fileno()])  # as workers of every release do
        ours.sendall(msgspec.json.encode(UploadedFile("a.txt", "", 16)) + b"\n")
        upload.unlink()
        child.answer_request(theirs, replies, LIMITS)

    replies.seek(0)
    *_, last = receive_reports(replies)
    assert last.last
    assert last.text is not None
    assert last.text.passages[0].text == "안녕하세요."
    assert limited == {resource.RLIMIT_CPU: (6, 7)}


def test_it_says_nothing_where_nothing_is_asked() -> None:
    ours, theirs = socket.socketpair()
    ours.close()

    with theirs:
        child.answer_request(theirs, replies := BytesIO(), LIMITS)

    assert replies.getvalue() == b""


def test_the_program_enters_its_sandbox_before_it_takes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(requests: socket.socket, replies: BinaryIO, limits: ProcessLimits) -> None:
        steps.append(f"asked within {limits.seconds(9_000_000)} s")
        requests.close()
        replies.close()

    steps: list[str] = []
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(child, "enter_layers", lambda memory: steps.append(f"layers, {memory} bytes"))
    monkeypatch.setattr(child, "close_sandbox", lambda: steps.append("closed"))
    monkeypatch.setattr(child, "leave_at_end", lambda pipe: None)
    monkeypatch.setattr(child, "answer_request", answer)
    monkeypatch.setattr(sys, "argv", ["child", '{"memory": 5, "most_seconds": 9}'])

    files = [(tmp_path / name).open("w") for name in ("stdout", "stderr")]
    with ours, files[0], files[1], open(theirs.detach(), "rb", closefd=False) as stdin:
        for name, stream in {"stdin": stdin, "stdout": files[0], "stderr": files[1]}.items():
            monkeypatch.setattr(sys, name, stream)
        child.run_reader()

    assert steps == ["layers, 5 bytes", "closed", "asked within 9 s"]


def test_the_time_of_a_file_grows_with_its_size_up_to_that_of_any_file() -> None:
    assert [LIMITS.seconds(size) for size in (0, 200_000, 2_000_000, 15_000_000)] == [5, 9, 20, 20]


def test_a_limit_that_the_system_refuses_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(limit: int, bounds: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)

    sandbox.limit_process(resource.RLIMIT_AS, 1000)


@pytest.mark.parametrize("what", ["files", "pages"])
def test_reading_opens_nothing_once_all_is_loaded(what: str) -> None:
    """In the sandbox nothing can be imported, and no library finds its templates and fonts."""
    command = [sys.executable, "-m", "tests.files.opened", what]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)

    assert done.stdout.splitlines() == []


def test_what_it_loads_is_not_looked_through_for_garbage() -> None:
    program = "import gc; from qa_service.files.child import load_all; load_all(); print(len(gc.get_objects()))"

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    assert int(told.stdout) < 1_000


def test_it_looks_for_no_garbage_until_all_is_loaded() -> None:
    beginning = READER_PROGRAM.removesuffix("run_reader()")
    program = f"{beginning} from qa_service.files import child; child.load_all(); {COLLECTED}"

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    assert told.stdout == "0 True\n"


def test_one_for_pages_alone_loads_no_parser_of_other_files() -> None:
    unwanted = ["PIL", "email.parser", "lxml", "pypdfium2", "unhwp", "xlrd"]
    program = f"""import sys; from qa_service.files.child import load_all; load_all(kinds=())
print([name for name in {unwanted} if name in sys.modules])"""

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    assert told.stdout == "[]\n"


def test_it_leaves_when_its_parent_does(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    ours, theirs = socket.socketpair()
    ours.close()

    with theirs:
        child.leave_at_end(theirs.fileno())

    assert left == [0]


def test_it_loads_no_web_server_and_its_parent_no_parser() -> None:
    """What a child needn't load makes it start faster; what a worker doesn't load can't be attacked there."""
    program = "import sys, {}; print([name for name in {} if name in sys.modules])"
    for module, unwanted in {
        "qa_service.files.child": ["flask", "gevent", "redis", "httpx2"],
        "qa_service.files.isolation": ["pypdfium2", "docx", "lxml", "selectolax"],
    }.items():
        command = [sys.executable, "-c", program.format(module, unwanted)]
        assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip() == "[]"
