"""What a reading process does, run in this one."""

import os
import resource
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from qa_service.files import child
from qa_service.files.report import receive_reports
from qa_service.model import UploadedFile


def test_it_reads_the_file_it_is_asked_for(tmp_path: Path) -> None:
    upload, replies = tmp_path / "upload", BytesIO()
    upload.write_text("안녕하세요.")

    child.answer_request(msgspec.json.encode(UploadedFile("a.txt", str(upload), 16)), replies)

    replies.seek(0)
    *_, last = receive_reports(replies)
    assert last.last
    assert last.text is not None
    assert last.text.passages[0].text == "안녕하세요."


class Confined:
    """Records what is given up, since no process gets it back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.limits: dict[int, tuple[int, int]] = {}
        monkeypatch.setattr(resource, "setrlimit", self._limit)

    def _limit(self, limit: int, bounds: tuple[int, int]) -> None:
        self.limits[limit] = bounds
        if limit == resource.RLIMIT_AS:
            raise ValueError("current limit exceeds maximum limit")


def test_it_gives_up_memory_time_files_and_processes_even_where_one_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    confined = Confined(monkeypatch)

    child.confine(memory=1000, seconds=5)

    assert confined.limits[resource.RLIMIT_AS] == (1000, 1000)
    assert confined.limits[resource.RLIMIT_CPU] == (5, 6)
    assert confined.limits[resource.RLIMIT_NPROC] == confined.limits[resource.RLIMIT_FSIZE] == (0, 0)
    assert confined.limits[resource.RLIMIT_CORE] == (0, 0)


@pytest.mark.parametrize("asked", [True, False])
def test_the_program_answers_one_request_and_ends(asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request, upload, replies = tmp_path / "in", tmp_path / "upload", tmp_path / "out"
    upload.write_text("hello")
    request.write_bytes(msgspec.json.encode(UploadedFile("a.txt", str(upload), 5)) + b"\n" if asked else b"")
    confined = Confined(monkeypatch)
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(sys, "argv", ["child", "1000000", "5"])

    with request.open() as stdin, replies.open("w") as stdout, (tmp_path / "err").open("w") as stderr:
        for name, stream in {"stdin": stdin, "stdout": stdout, "stderr": stderr}.items():
            monkeypatch.setattr(sys, name, stream)
        others = set(threading.enumerate())
        child.run_reader()
        for thread in set(threading.enumerate()) - others:
            thread.join()

    with replies.open("rb") as pipe:
        assert [report.last for report in receive_reports(pipe)] == ([False, False, True] if asked else [])
    assert bool(confined.limits) is asked


def test_it_leaves_when_its_parent_does(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)

    with Path(os.devnull).open() as ended:
        child.leave_at_end(ended.fileno())

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
