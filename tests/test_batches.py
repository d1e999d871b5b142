"""The files of one question are taken in side by side."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qa_service.batches import FileBatch, TakenFile
from qa_service.errors import Overloaded
from qa_service.file_news import FileEnd, FileNews
from qa_service.frames import StageNotice
from qa_service.intake import FilePlace, Intake
from qa_service.interfaces import Stop
from qa_service.model import ReadRequest, Verdict
from qa_service.running.stop import StopSignal
from tests.fakes import ANN, WAITING_SECONDS, FakeFiles, FakeQuotas, FakeReader, refuse_thread, upload


class MeetingReader:
    """A `MeetingReader` reads files that wait for each other, by what `wait` does for each of their names."""

    def __init__(self, wait: Callable[[str], object]) -> None:
        self.read_names: list[str] = []
        self._wait = wait

    def read_upload(self, request: ReadRequest, stop: Stop) -> Iterator[FileNews]:
        self.read_names.append(request.file.name)
        self._wait(request.file.name)
        yield FileEnd(Verdict(request.file.name, "txt", "used", pages=1, tokens=1))


def take_in(
    folder: Path,
    reader: object,
    texts: dict[str, str],
    quotas: FakeQuotas | None = None,
    stop: StopSignal | None = None,
) -> list[StageNotice | TakenFile]:
    uploads = [(upload(folder, name, text), FilePlace(ANN, "s", name, 1)) for name, text in texts.items()]
    batch = FileBatch(Intake(FakeFiles(), quotas or FakeQuotas(), reader), (), stop or StopSignal())
    return list(batch.take_in_all(uploads))


def taken(news: list[StageNotice | TakenFile]) -> list[str]:
    return [piece.verdict.name for piece in news if isinstance(piece, TakenFile)]


def test_files_are_read_side_by_side_and_told_of_as_soon_as_they_are_read(tmp_path: Path) -> None:
    is_small_read = threading.Event()

    def wait(name: str) -> None:
        if name == "small":
            is_small_read.set()
        else:
            assert is_small_read.wait(WAITING_SECONDS)

    news = take_in(tmp_path, MeetingReader(wait), {"large": "aaa", "small": "a"})

    assert sorted(taken(news)) == ["large", "small"]
    assert [piece.stage for piece in news if isinstance(piece, StageNotice)] == ["reading_file"] * 2


@pytest.mark.parametrize("left", [{"files": 2}, {"size": 9_000_000}, {"seconds": 31}])
def test_where_little_is_left_of_a_quota_each_file_sees_what_the_one_before_has_taken(
    tmp_path: Path, left: dict[str, int]
) -> None:
    open_files = 0

    def wait(name: str) -> None:
        nonlocal open_files
        open_files += 1
        assert open_files == len(reader.read_names)

    reader = MeetingReader(wait)
    news = take_in(tmp_path, reader, {"a": "aaa", "b": "bb", "c": "c"}, FakeQuotas(**left))

    assert reader.read_names == taken(news) == ["a", "b", "c"]


def test_the_same_bytes_are_read_once(tmp_path: Path) -> None:
    reader = FakeReader()

    news = take_in(tmp_path, reader, {"a.txt": "Blue.", "b.txt": "Blue.", "c.txt": "Green or so."})

    assert sorted(reader.read_names) == ["a.txt", "c.txt"]
    assert {p.verdict.name: p.stored.file_id for p in news if isinstance(p, TakenFile)} == {
        "a.txt": "a.txt",
        "b.txt": "a.txt",
        "c.txt": "c.txt",
    }


def test_an_error_with_one_file_waits_for_the_others(tmp_path: Path) -> None:
    def wait(name: str) -> None:
        if name == "a":
            raise Overloaded("no room")

    reader = MeetingReader(wait)
    with pytest.raises(Overloaded, match="no room"):
        take_in(tmp_path, reader, {"a": "aaa", "b": "b"})
    assert sorted(reader.read_names) == ["a", "b"]


def test_a_system_without_room_for_threads_is_overloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse_thread)

    with pytest.raises(Overloaded):
        take_in(tmp_path, FakeReader(), {"a": "aaa", "b": "b"})


def test_after_a_stop_no_other_file_is_begun(tmp_path: Path) -> None:
    stop, reader = StopSignal(), FakeReader()
    stop.set("cancelled")

    news = take_in(tmp_path, reader, {"a.txt": "aaa", "b.txt": "bbb"}, stop=stop)

    assert (taken(news), reader.read_names) == (["a.txt"], ["a.txt"])
