"""Files are read where they can do no harm."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from qa_service.errors import Overloaded, Unreadable
from qa_service.file_news import FileEnd, FileNews, FileProgress, FileText
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.files.parsed import DOCUMENT_PAGE, PAGE, SITEMAP, Parsed
from qa_service.files.parsing import parse_content
from qa_service.files.process import PAGE_PROGRAM
from qa_service.files.reading import read_file
from qa_service.model import Owner, ReadRequest, UploadedFile, Verdict
from qa_service.running.stop import StopSignal
from tests import documents, packages
from tests.fakes import refuse_thread
from tests.live.processes import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

Upload = Callable[..., UploadedFile]
READ_ONE_FILE = """
import sys
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.model import Owner, ReadRequest, UploadedFile
from qa_service.running.stop import StopSignal
readers = ChildReaders(seconds=60, slots=1, limits=ProcessLimits(1 << 30, 60))
list(readers.read_upload(ReadRequest(UploadedFile("a", sys.argv[1], 9_000_000), Owner("site", "")), StopSignal()))
"""
LARGE = 1 << 20
ROOT = Path(__file__).parents[2]
PATIENT = 120
"""These are the seconds for files whose verdict is not about time: a busy machine may take many of them for an honest
one."""
LIMITS = ProcessLimits(memory=1 << 30, most_seconds=PATIENT)
LITTLE_MEMORY = ProcessLimits(memory=400_000_000, most_seconds=PATIENT, least_seconds=PATIENT)
ANN, BEN = Owner("user", "ann"), Owner("user", "ben")
ENDLESS = documents.html_that_never_ends().encode()


@cache
def good() -> bytes:
    return documents.pdf(["연차휴가는 15일이다.", "Trains are booked by the office."])


@cache
def slow_page() -> bytes:
    """Make a page that takes a second or more."""
    return b"<h1>word</h1><p>word</p>" * 20_000


def asked(file: UploadedFile, owner: Owner = ANN, seconds: float | None = None) -> ReadRequest:
    return ReadRequest(file, owner, seconds)


@pytest.fixture
def readers() -> Iterator[ChildReaders]:
    readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS)
    yield readers
    readers.close()


@pytest.fixture(scope="module")
def shared_readers() -> Iterator[ChildReaders]:
    """Give readers to tests that only read. The process that waits after the file of one test reads the file of the
    next one."""
    readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS)
    yield readers
    readers.close()


@pytest.fixture(scope="module")
def tight_readers() -> Iterator[ChildReaders]:
    """Give the same readers with little memory."""
    readers = ChildReaders(seconds=PATIENT, slots=1, limits=LITTLE_MEMORY)
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
            list(readers.read_upload(asked(upload(good())), StopSignal()))
    assert children() == before
    assert any(isinstance(news, FileEnd) for news in readers.read_upload(asked(upload(good())), StopSignal()))


def children(pid: int | str = "self") -> set[int]:
    """Return the processes that the threads of a process have started. A thread may end meanwhile."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found.update(map(int, task.read_text().split()))
    return found


@contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """Let this process open at most this many files more."""
    lowest, (soft, hard) = os.dup(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def verdict(news: list[FileNews]) -> Verdict:
    (end,) = [piece for piece in news if isinstance(piece, FileEnd)]
    assert news[-1] is end
    return end.verdict


def told(news: list[FileNews]) -> tuple[str, str | None]:
    return verdict(news).status, verdict(news).reason


class TestGoodFiles:
    def test_a_file_is_told_of_as_if_it_were_read_here(self, shared_readers: ChildReaders, upload: Upload) -> None:
        file = upload(good())
        here = list(read_file(file, good()))

        news = list(shared_readers.read_upload(asked(file), StopSignal()))

        progress = [piece for piece in news if isinstance(piece, FileProgress)]
        # Progress is told only now and then.
        assert progress == [FileProgress(page, 2) for page in range(1, 1 + len(progress))]
        assert progress
        assert [piece for piece in news if isinstance(piece, FileText)] == [r.text for r in here if r.text]
        assert verdict(news) == here[-1].verdict

    def test_every_kind_is_read_in_the_sandbox_as_outside(self) -> None:
        command = [sys.executable, "-m", "tests.files.sandboxed"]

        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout == "[]\n"

    def test_the_upload_is_left_to_whoever_may_have_to_begin_again(
        self, shared_readers: ChildReaders, upload: Upload
    ) -> None:
        file = upload(good())

        list(shared_readers.read_upload(asked(file), StopSignal()))

        assert Path(file.path).exists()

    def test_no_process_runs_before_the_first_file_one_waits_after_it_and_none_after_closing(
        self, readers: ChildReaders, upload: Upload
    ) -> None:
        before = children()
        list(readers.read_upload(asked(upload(good())), StopSignal()))

        assert len(children() - before) == 1
        readers.close()
        assert children() == before

    def test_files_at_the_same_time_are_each_read_whole(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=PATIENT, slots=2, limits=LIMITS)
        files = [upload(f"파일 {number}".encode(), "a.txt") for number in range(4)]
        found: dict[int, list[FileNews]] = {}

        def collect(number: int) -> None:
            found[number] = list(readers.read_upload(asked(files[number]), StopSignal()))

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

        assert told(list(readers.read_upload(asked(upload(good())), StopSignal()))) == ("used", None)
        assert children() == before

    def test_a_waiting_process_that_died_is_replaced(self, readers: ChildReaders, upload: Upload) -> None:
        before = children()
        list(readers.read_upload(asked(upload(good())), StopSignal()))
        (spare,) = children() - before
        os.kill(spare, signal.SIGKILL)
        os.waitid(os.P_PID, spare, os.WEXITED | os.WNOWAIT)

        assert told(list(readers.read_upload(asked(upload(good())), StopSignal()))) == ("used", None)


class TestFetchedPages:
    def test_what_was_fetched_is_parsed_as_if_it_were_parsed_here(self, shared_readers: ChildReaders) -> None:
        page = "<title>대출</title><a href=a>1</a><h1 id=x>대출 안내</h1><p>다섯 권을 빌립니다.".encode("cp949")
        sitemap = b"<urlset><url><loc>https://example.org/a</loc></url></urlset>"

        for request, content in ((PAGE, page), (DOCUMENT_PAGE, page), (SITEMAP, sitemap)):
            parsed = shared_readers.parse_content(request, content, "euc-kr")
            assert parsed == parse_content(request, content, "euc-kr") != Parsed()

    def test_a_process_for_pages_alone_parses_them(self) -> None:
        readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS, program=PAGE_PROGRAM)
        page = "<title>대출</title><a href=a>1</a><h1 id=x>대출 안내</h1><p>다섯 권을 빌립니다.".encode("cp949")

        with closing(readers):
            assert readers.parse_content(PAGE, page, "euc-kr") == parse_content(PAGE, page, "euc-kr")

    @pytest.mark.parametrize(
        ("request_", "content", "reason"),
        [(PAGE, b"<div>" * 200_000, "overnested"), (DOCUMENT_PAGE, b"%PDF-1.7", "unsupported"), (b"?", b"", "damaged")],
    )
    def test_one_that_cannot_be_parsed_says_why(
        self, request_: bytes, content: bytes, reason: str, shared_readers: ChildReaders
    ) -> None:
        with pytest.raises(Unreadable, match=reason):
            shared_readers.parse_content(request_, content)

    def test_one_that_takes_too_long_leaves_no_process(self) -> None:
        readers, before = ChildReaders(seconds=0.05, slots=1, limits=LIMITS), children()

        with pytest.raises(Unreadable, match="timed_out"):
            readers.parse_content(PAGE, b"<p>text")
        readers.close()

        assert children() == before

    @pytest.mark.parametrize("seconds", [0.01, 0, -1])
    def test_one_for_which_its_owner_has_no_time_is_over_quota(
        self, seconds: float, shared_readers: ChildReaders
    ) -> None:
        with pytest.raises(Unreadable, match="over_quota"):
            shared_readers.parse_content(PAGE, slow_page(), seconds=seconds)

    def test_a_stop_ends_it(self, shared_readers: ChildReaders) -> None:
        stop = StopSignal()
        stop.set("lost")

        with pytest.raises(Unreadable, match="stopped"):
            shared_readers.parse_content(PAGE, slow_page(), stop=stop)


class TestHostileFiles:
    def test_one_that_never_ends_is_timed_out(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=1, slots=1, limits=LIMITS)

        news = list(readers.read_upload(asked(upload(ENDLESS, "a.html")), StopSignal()))
        readers.close()

        assert told(news) == ("failed", "timed_out")

    @pytest.mark.parametrize("make", [documents.pdf_that_never_ends, documents.pdf_that_wants_memory, documents.bomb])
    def test_one_that_wants_all_memory_is_too_large(
        self, make: Callable[[], bytes], tight_readers: ChildReaders, upload: Upload
    ) -> None:
        assert told(list(tight_readers.read_upload(asked(upload(make())), StopSignal()))) == ("failed", "too_large")

    def test_a_small_one_that_takes_long_has_less_time_than_a_large_one(self, upload: Upload) -> None:
        limits = ProcessLimits(memory=1 << 30, most_seconds=20, least_seconds=0.9)
        readers = ChildReaders(seconds=PATIENT, slots=1, limits=limits)
        file = upload(documents.pdf_of_endless_lists())

        news = list(readers.read_upload(asked(file), StopSignal()))
        readers.close()

        assert file.size < 500
        assert told(news) == ("failed", "timed_out")

    def test_what_was_read_before_counts(self, tight_readers: ChildReaders, upload: Upload) -> None:
        news = list(tight_readers.read_upload(asked(upload(documents.pdf_that_ends_badly(70))), StopSignal()))

        assert told(news) == ("truncated", "too_large")
        assert sum(len(piece.passages) for piece in news if isinstance(piece, FileText)) >= 64

    def test_one_that_a_parser_trips_over_is_damaged(self, shared_readers: ChildReaders, upload: Upload) -> None:
        series = "<c:ser><c:cat><c:pt idx='one'><c:v>a</c:v></c:pt></c:cat></c:ser>"
        content = packages.word("", ("chart", "chart.xml", f"<c:chart>{series}</c:chart>"))

        assert told(list(shared_readers.read_upload(asked(upload(content)), StopSignal()))) == ("failed", "damaged")

    def test_its_process_can_do_nothing_but_read_it(self, readers: ChildReaders, upload: Upload) -> None:
        before = children()
        reading = readers.read_upload(asked(upload(ENDLESS, "a.html")), stop := StopSignal())
        thread = threading.Thread(target=list, args=[reading])
        thread.start()
        until(lambda: any(map(_is_reading, children() - before)), 10, "a process reads")
        (child,) = filter(_is_reading, children() - before)

        environment = Path(f"/proc/{child}/environ").read_bytes()
        group = os.getpgid(child)
        niceness = os.getpriority(os.PRIO_PROCESS, child)
        limits = [_limit(child, name) for name in ("Max address space", "Max file size", "Max processes")]
        status = Path(f"/proc/{child}/status").read_text()
        stop.set("test")
        thread.join()

        assert environment.startswith(b"PYTHONPATH=")
        assert environment.count(b"=") == 1
        assert (group, niceness >= 10, limits) == (child, True, [str(1 << 30), "0", "0"])
        assert "NoNewPrivs:\t1\n" in status
        assert "Seccomp:\t2\n" in status


def _is_reading(pid: int) -> bool:
    """Tell whether it has a file. Its time is limited from then on."""
    return _limit(pid, "Max cpu time") not in ("", "unlimited")


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

        news = list(readers.read_upload(asked(file), stop))
        readers.close()

        assert told(news) == ("failed", "stopped")
        assert Path(file.path).exists()
        assert children() == before

    def test_a_stop_set_before_reads_nothing(self, readers: ChildReaders, upload: Upload) -> None:
        stop = StopSignal()
        stop.set("cancelled")

        assert told(list(readers.read_upload(asked(upload(ENDLESS)), stop))) == ("failed", "stopped")

    def test_a_file_that_waits_its_turn_can_be_stopped(self, shared_readers: ChildReaders, upload: Upload) -> None:
        stop, waiting = StopSignal(), StopSignal()
        first = shared_readers.read_upload(asked(upload(good())), stop)
        next(first)
        file = upload(good())
        waiting.set("cancelled")

        assert told(list(shared_readers.read_upload(asked(file), waiting))) == ("failed", "stopped")
        assert Path(file.path).exists()
        assert told(list(first)) == ("used", None)

    def test_a_reader_that_is_given_up_leaves_nothing(self, readers: ChildReaders, upload: Upload) -> None:
        file, before = upload(good()), children()
        reading = readers.read_upload(asked(file), StopSignal())
        next(reading)

        reading.close()
        readers.close()

        assert Path(file.path).exists()
        assert children() == before

    def test_no_process_outlives_the_one_that_started_it(self, upload: Upload) -> None:
        parent = subprocess.Popen([sys.executable, "-c", READ_ONE_FILE, upload(ENDLESS).path])
        until(lambda: any(map(_is_reading, children(parent.pid))), 10, "a process reads")
        orphans = children(parent.pid)

        parent.kill()
        parent.wait()

        until(lambda: not any(Path(f"/proc/{orphan}/cmdline").exists() for orphan in orphans), 10, "all have ended")


class TestTime:
    def test_it_says_how_long_reading_took(self, shared_readers: ChildReaders, upload: Upload) -> None:
        began = time.monotonic()
        *_, end = shared_readers.read_upload(asked(upload(good())), StopSignal())

        assert isinstance(end, FileEnd)
        assert 0 < end.seconds <= time.monotonic() - began

    def test_an_owner_whose_time_runs_out_has_no_more(self, shared_readers: ChildReaders, upload: Upload) -> None:
        *_, end = shared_readers.read_upload(asked(upload(ENDLESS, "a.html"), seconds=0.3), StopSignal())

        assert isinstance(end, FileEnd)
        assert (end.verdict.status, end.verdict.reason) == ("skipped", "over_quota")
        assert 0.3 <= end.seconds < PATIENT

    def test_an_owner_with_more_time_than_a_file_may_take_gets_that_of_a_file(self, upload: Upload) -> None:
        readers = ChildReaders(seconds=0.3, slots=1, limits=LIMITS)

        assert told(list(readers.read_upload(asked(upload(ENDLESS, "a.html"), seconds=60), StopSignal()))) == (
            "failed",
            "timed_out",
        )
        readers.close()

    def test_an_owner_without_time_waits_for_no_turn(self, shared_readers: ChildReaders, upload: Upload) -> None:
        first = shared_readers.read_upload(asked(upload(good())), StopSignal())
        next(first)

        (end,) = shared_readers.read_upload(asked(upload(good()), BEN, seconds=0), StopSignal())
        first.close()

        assert end == FileEnd(Verdict("a.pdf", "unknown", "skipped", "over_quota"))

    def test_a_file_that_waited_in_vain_used_none(self, shared_readers: ChildReaders, upload: Upload) -> None:
        first, stop = shared_readers.read_upload(asked(upload(good())), StopSignal()), StopSignal()
        next(first)
        threading.Timer(0.1, stop.set, ["cancelled"]).start()

        (end,) = shared_readers.read_upload(asked(replace(upload(good()), size=LARGE)), stop)
        first.close()

        assert end == FileEnd(Verdict("a.pdf", "unknown", "failed", "stopped"), seconds=0)


class TestWorker:
    def test_its_memory_is_closed_to_others_from_the_first_file_on(self, upload: Upload) -> None:
        program = f"{READ_ONE_FILE}import ctypes; readers.close(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
        command = [sys.executable, "-c", program, upload(good()).path]

        assert subprocess.run(command, capture_output=True, check=True).stdout == b"0\n"

    def test_a_gap_in_the_sandbox_is_logged_once(
        self, readers: ChildReaders, upload: Upload, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("qa_service.files.isolation.find_gaps", lambda: ("this system has no Landlock",))
        for _ in range(2):
            list(readers.read_upload(asked(upload(good())), StopSignal()))

        assert caplog.messages == ["files are read in a sandbox with a gap: this system has no Landlock"]

    def test_a_process_that_could_not_enter_its_sandbox_reads_nothing(
        self, upload: Upload, caplog: pytest.LogCaptureFixture
    ) -> None:
        refusing = "from qa_service.files import child, sandbox\nsandbox.enter_landlock = open\nchild.run_reader()"
        readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS, program=refusing)

        with closing(readers), pytest.raises(Overloaded, match="sandbox"):
            list(readers.read_upload(asked(upload(good())), StopSignal()))
        assert "no file is read" in caplog.text

    def test_where_nothing_can_be_opened_the_service_is_overloaded(
        self, readers: ChildReaders, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = upload(good())
        with monkeypatch.context() as patched:
            patched.setattr(socket, "socketpair", lambda: os.open("/no/such/file", os.O_RDONLY))
            with pytest.raises(Overloaded):
                list(readers.read_upload(asked(file), StopSignal()))
        with pytest.raises(Overloaded):
            list(readers.read_upload(asked(UploadedFile("a", str(Path(file.path).parent), 1)), StopSignal()))

        assert told(list(readers.read_upload(asked(file), StopSignal()))) == ("used", None)

    @pytest.mark.parametrize("free", [0, 1, 3, 5])
    def test_where_descriptors_run_out_the_service_is_overloaded(
        self, free: int, readers: ChildReaders, upload: Upload
    ) -> None:
        file = upload(b"text", "a.txt")
        ways: list[Callable[[], object]] = [
            lambda: list(readers.read_upload(asked(file), StopSignal())),
            lambda: readers.parse_content(PAGE, b"<p>text"),
        ]
        for way in ways:
            with few_descriptors(free), suppress(Overloaded):
                way()
        readers.parse_content(PAGE, b"<p>text")

        assert told(list(readers.read_upload(asked(file), StopSignal()))) == ("used", None)

    def test_an_upload_that_is_gone_is_damaged(self, shared_readers: ChildReaders, tmp_path: Path) -> None:
        file = UploadedFile("a.pdf", str(tmp_path / "gone"), 5)

        assert told(list(shared_readers.read_upload(asked(file), StopSignal()))) == ("failed", "damaged")


class TestChildrenThatLie:
    """Here programs stand in for a reading process that a file took over."""

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
        readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS)

        news = list(readers.read_upload(asked(upload(good())), StopSignal()))
        readers.close()

        assert told(news) == ("failed", "damaged")

    @pytest.mark.parametrize(("sign", "reason"), [("ABRT", "too_large"), ("KILL", "too_large"), ("XCPU", "timed_out")])
    def test_its_death_tells_the_reason(
        self, sign: str, reason: str, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._take_over(tmp_path, monkeypatch, f"kill -{sign} $$")
        readers = ChildReaders(seconds=PATIENT, slots=1, limits=LIMITS)

        news = list(readers.read_upload(asked(upload(good())), StopSignal()))
        readers.close()

        assert told(news) == ("failed", reason)

    def test_where_no_process_can_be_started_the_service_is_overloaded(
        self, readers: ChildReaders, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = upload(good())
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/no/such/python")
            with pytest.raises(Overloaded):
                list(readers.read_upload(asked(file), StopSignal()))

        assert Path(file.path).exists()
        assert told(list(readers.read_upload(asked(upload(good())), StopSignal()))) == ("used", None)

    def _take_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
