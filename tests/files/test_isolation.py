"""Files are read where they can do no harm."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qa_service.errors import Overloaded
from qa_service.files.isolation import ChildReaders
from qa_service.files.reading import read
from qa_service.model import FileEnd, FileNews, FileProgress, FileText, UploadedFile, Verdict
from qa_service.running.stop import StopSignal
from tests import documents
from tests.fakes import refuse_thread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

Upload = Callable[..., UploadedFile]
GOOD = documents.pdf(["연차휴가는 15일이다.", "Trains are booked by the office."])
READ_ONE_FILE = """
import sys
from qa_service.files.isolation import ChildReaders
from qa_service.model import UploadedFile
from qa_service.running.stop import StopSignal
readers = ChildReaders(seconds=60, memory=1 << 30, slots=1)
list(readers.read(UploadedFile("a", sys.argv[1], 1), StopSignal()))
"""
ENDLESS = documents.html_that_never_ends().encode()


@pytest.fixture
def readers() -> Iterator[ChildReaders]:
    readers = ChildReaders(seconds=20, memory=1 << 30, slots=1)
    yield readers
    readers.close()


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    def write(content: bytes, name: str = "a.pdf") -> UploadedFile:
        path = tmp_path / f"upload-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return UploadedFile(name, str(path), len(content))

    return write


def test_a_file_whose_time_cannot_be_kept_leaves_no_process_behind(
    readers: ChildReaders, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_thread)
        with pytest.raises(Overloaded):
            list(readers.read(upload(GOOD), StopSignal()))
    assert children() == before
    assert any(isinstance(news, FileEnd) for news in readers.read(upload(GOOD), StopSignal()))


def children(pid: int | str = "self") -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def wait_until(true: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def verdict(news: list[FileNews]) -> Verdict:
    (end,) = [piece for piece in news if isinstance(piece, FileEnd)]
    assert news[-1] is end
    return end.verdict


def told(news: list[FileNews]) -> tuple[str, str | None]:
    return verdict(news).status, verdict(news).reason


class TestGoodFiles:
    def test_a_file_is_told_of_as_if_it_were_read_here(self, readers: ChildReaders, upload: Upload) -> None:
        file = upload(GOOD)
        here = list(read(file, GOOD))

        news = list(readers.read(file, StopSignal()))

        assert [piece for piece in news if isinstance(piece, FileProgress)] == [r.progress for r in here if r.progress]
        assert [piece for piece in news if isinstance(piece, FileText)] == [r.text for r in here if r.text]
        assert verdict(news) == here[-1].verdict

    def test_the_upload_is_left_to_whoever_may_have_to_begin_again(self, readers: ChildReaders, upload: Upload) -> None:
        file = upload(GOOD)

        list(readers.read(file, StopSignal()))

        assert Path(file.path).exists()

    def test_no_process_runs_before_the_first_file_one_waits_after_it_and_none_after_closing(
        self, readers: ChildReaders, upload: Upload
    ) -> None:
        before = children()
        list(readers.read(upload(GOOD), StopSignal()))

        assert len(children() - before) == 1
        readers.close()
        assert children() == before

    def test_files_at_the_same_time_are_each_read_whole(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=20, memory=1 << 30, slots=2)
        files = [upload(documents.pdf([f"파일 {number}"])) for number in range(4)]
        found: dict[int, list[FileNews]] = {}

        def collect(number: int) -> None:
            found[number] = list(readers.read(files[number], StopSignal()))

        threads = [threading.Thread(target=collect, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        readers.close()

        texts = {n: p.passages[0].text for n, news in found.items() for p in news if isinstance(p, FileText)}
        assert texts == {number: f"파일 {number}" for number in range(4)}

    def test_a_file_read_after_closing_leaves_no_process(self, readers: ChildReaders, upload: Upload) -> None:
        before = children()
        readers.close()

        assert told(list(readers.read(upload(GOOD), StopSignal()))) == ("used", None)
        assert children() == before

    def test_a_waiting_process_that_died_is_replaced(self, readers: ChildReaders, upload: Upload) -> None:
        before = children()
        list(readers.read(upload(GOOD), StopSignal()))
        (spare,) = children() - before
        os.kill(spare, signal.SIGKILL)
        wait_until(lambda: Path(f"/proc/{spare}/stat").read_text().split()[2] == "Z")

        assert told(list(readers.read(upload(GOOD), StopSignal()))) == ("used", None)


class TestHostileFiles:
    def test_one_that_never_ends_is_timed_out(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=1, memory=1 << 30, slots=1)
        began = time.monotonic()

        news = list(readers.read(upload(ENDLESS, "a.html"), StopSignal()))
        readers.close()

        assert verdict(news) == Verdict("a.html", "html", "failed", "timed_out")
        assert time.monotonic() - began < 3

    @pytest.mark.parametrize(
        "content", [documents.pdf_that_never_ends(), documents.pdf_that_wants_memory(), documents.bomb()]
    )
    def test_one_that_wants_all_memory_is_too_large(self, content: bytes, upload: Upload) -> None:
        readers = ChildReaders(seconds=20, memory=400_000_000, slots=1)

        assert told(list(readers.read(upload(content), StopSignal()))) == ("failed", "too_large")
        readers.close()

    def test_what_was_read_before_counts(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=20, memory=400_000_000, slots=1)
        news = list(readers.read(upload(documents.pdf_that_ends_badly(70)), StopSignal()))

        readers.close()

        assert told(news) == ("truncated", "too_large")
        assert sum(len(piece.passages) for piece in news if isinstance(piece, FileText)) >= 64

    def test_one_that_a_parser_trips_over_is_damaged(self, readers: ChildReaders, upload: Upload) -> None:
        content = documents.word_package("</w:body><w:body>", head="<!-- -->").replace(
            b"word/styles.xml", b"word/stylez.xml"
        )

        assert told(list(readers.read(upload(content), StopSignal()))) == ("failed", "damaged")

    def test_its_process_can_do_nothing_but_read_it(self, readers: ChildReaders, upload: Upload) -> None:
        before = children()
        reading = readers.read(upload(ENDLESS, "a.html"), stop := StopSignal())
        thread = threading.Thread(target=list, args=[reading])
        thread.start()
        wait_until(lambda: any(_limit(child, "Max file size") == "0" for child in children() - before))
        (child,) = [child for child in children() - before if _limit(child, "Max file size") == "0"]

        environment = Path(f"/proc/{child}/environ").read_bytes()
        group = os.getpgid(child)
        niceness = os.getpriority(os.PRIO_PROCESS, child)
        memory = _limit(child, "Max address space")
        stop.set("test")
        thread.join()

        assert environment.startswith(b"PYTHONPATH=")
        assert environment.count(b"=") == 1
        assert (group, niceness >= 10, memory) == (child, True, str(1 << 30))


def _limit(pid: int, name: str) -> str:
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line.removeprefix(name).split()[0] for line in lines if line.startswith(name)), "")


class TestStopping:
    def test_it_kills_at_once(self, readers: ChildReaders, upload: Upload) -> None:
        file, stop, before = upload(ENDLESS, "a.html"), StopSignal(), children()
        timer = threading.Timer(0.5, stop.set, ["cancelled"])
        timer.start()
        began = time.monotonic()

        news = list(readers.read(file, stop))
        readers.close()

        assert told(news) == ("failed", "stopped")
        assert time.monotonic() - began < 2
        assert Path(file.path).exists()
        assert children() == before

    def test_a_stop_set_before_reads_nothing(self, readers: ChildReaders, upload: Upload) -> None:
        stop = StopSignal()
        stop.set("cancelled")

        assert told(list(readers.read(upload(ENDLESS), stop))) == ("failed", "stopped")

    def test_a_file_that_waits_its_turn_can_be_stopped(self, readers: ChildReaders, upload: Upload) -> None:
        stop, waiting = StopSignal(), StopSignal()
        first = readers.read(upload(GOOD), stop)
        next(first)
        file = upload(GOOD)
        waiting.set("cancelled")

        assert told(list(readers.read(file, waiting))) == ("failed", "stopped")
        assert Path(file.path).exists()
        assert told(list(first)) == ("used", None)

    def test_a_reader_that_is_given_up_leaves_nothing(self, readers: ChildReaders, upload: Upload) -> None:
        file, before = upload(GOOD), children()
        reading = readers.read(file, StopSignal())
        next(reading)

        reading.close()
        readers.close()

        assert Path(file.path).exists()
        assert children() == before

    def test_no_process_outlives_the_one_that_started_it(self, upload: Upload) -> None:
        parent = subprocess.Popen([sys.executable, "-c", READ_ONE_FILE, upload(ENDLESS).path])
        wait_until(lambda: any(_limit(child, "Max file size") == "0" for child in children(parent.pid)))
        orphans = children(parent.pid)

        parent.kill()
        parent.wait()

        wait_until(lambda: not any(Path(f"/proc/{orphan}/cmdline").exists() for orphan in orphans))


class TestChildrenThatLie:
    """Programs that stand in for a reading process that a file took over."""

    @pytest.mark.parametrize(
        "lie",
        [
            "printf '\\377\\377\\377\\377'; exec sleep 60",
            "printf '\\0\\0\\0\\2{}'; exec sleep 60",
            "exec >&-; exec sleep 60",
            "exit 0",
            "kill -SEGV $$",
        ],
    )
    def test_what_it_says_is_not_believed(
        self, lie: str, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._take_over(tmp_path, monkeypatch, f"read request; {lie}")
        readers = ChildReaders(seconds=20, memory=1 << 30, slots=1)

        news = list(readers.read(upload(GOOD), StopSignal()))
        readers.close()

        assert told(news) == ("failed", "damaged")

    @pytest.mark.parametrize(("sign", "reason"), [("ABRT", "too_large"), ("KILL", "too_large"), ("XCPU", "timed_out")])
    def test_its_death_tells_the_reason(
        self, sign: str, reason: str, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._take_over(tmp_path, monkeypatch, f"kill -{sign} $$")
        readers = ChildReaders(seconds=20, memory=1 << 30, slots=1)

        news = list(readers.read(upload(GOOD), StopSignal()))
        readers.close()

        assert told(news) == ("failed", reason)

    def test_where_no_process_can_be_started_the_service_is_overloaded(
        self, readers: ChildReaders, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = upload(GOOD)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/no/such/python")
            with pytest.raises(Overloaded):
                list(readers.read(file, StopSignal()))

        assert Path(file.path).exists()
        assert told(list(readers.read(upload(GOOD), StopSignal()))) == ("used", None)

    def _take_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
