"""These tests show what becomes of an upload on its way into a session, and what a quota does to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from qa_service.file_news import FileBegin, FileEnd, FileNews, FileText
from qa_service.frames import StageNotice
from qa_service.intake import FilePlace, Intake
from qa_service.model import Passage, ReadRequest, StoredFile, Verdict
from qa_service.running.stop import StopSignal
from tests.fakes import ANN, FakeFiles, FakeQuotas, FakeReader, upload

PLACE = FilePlace(ANN, "s", "f1", 1)


class SlowReader:
    """A `SlowReader` takes two seconds for five parts of ten bytes each, in Korean."""

    def read_upload(self, request: ReadRequest, stop: object) -> Iterator[FileNews]:
        for number in range(5):
            yield FileText(passages=(Passage("", request.file.name, "세글자a"),), first=number)
        yield FileEnd(Verdict(request.file.name, "text", "used", pages=1, tokens=20), seconds=2)


def take_in(
    folder: Path, *, files: FakeFiles, quotas: FakeQuotas, reader: object = None, name: str = "sky.txt"
) -> tuple[list[StageNotice], StoredFile, Verdict]:
    """Take in one file, and return what is told of it and what becomes of it."""
    intake = Intake(files, quotas, reader or FakeReader())
    told: list[StageNotice] = []
    steps = intake.take_in(upload(folder, name, "Blue.\n\nHigh."), PLACE, StopSignal())
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, *end.value


def test_a_file_is_read_named_kept_and_listed(tmp_path: Path) -> None:
    files = FakeFiles()
    told, stored, verdict = take_in(tmp_path, files=files, quotas=FakeQuotas())
    assert told == [StageNotice("reading_file", name="sky.txt", page=1, pages=1)]
    assert [(p.file_id, p.file, p.text) for p in files.passages["f1"].values()] == [
        ("f1", "sky.txt", "Blue."),
        ("f1", "sky.txt", "High."),
    ]
    assert (stored.size, stored.passages, stored.status, verdict.status) == (10, 2, "used", "used")
    assert files.finished == [stored]


@pytest.mark.parametrize("left", [{"files": 0}, {"size": 0}, {"seconds": 0}, {"seconds": -3}])
def test_a_file_for_which_nothing_is_left_is_neither_read_nor_listed(tmp_path: Path, left: dict[str, int]) -> None:
    files, reader = FakeFiles(), FakeReader()
    _, stored, verdict = take_in(tmp_path, files=files, quotas=FakeQuotas(**left), reader=reader)
    assert (verdict.status, verdict.reason) == ("skipped", "over_quota")
    assert (files.finished, reader.read_names, stored.passages) == ([], [], 0)


@pytest.mark.parametrize(("room", "kept", "status"), [(50, 5, "used"), (49, 4, "truncated"), (9, 0, "skipped")])
def test_text_is_kept_as_far_as_there_is_room(tmp_path: Path, room: int, kept: int, status: str) -> None:
    files = FakeFiles()
    _, stored, verdict = take_in(tmp_path, files=files, quotas=FakeQuotas(size=room), reader=SlowReader())
    assert len(files.passages.get("f1", ())) == stored.passages == kept
    assert (stored.size, verdict.status, stored.status) == (10 * kept, status, status)
    assert verdict.reason == (None if status == "used" else "over_quota")


@pytest.mark.parametrize("left", [{"files": 0}, {"bytes": 0}, {"seconds": 0}])
def test_a_file_isnt_read_where_the_quota_was_used_up_while_it_waited(tmp_path: Path, left: dict[str, int]) -> None:
    class Waiting(SlowReader):
        def read_upload(self, request: ReadRequest, stop: object) -> Iterator[FileNews]:
            quotas.allowance = structs.replace(quotas.allowance, **left)
            yield FileBegin()
            yield from super().read_upload(request, stop)

    files, quotas = FakeFiles(), FakeQuotas()
    _, stored, verdict = take_in(tmp_path, files=files, quotas=quotas, reader=Waiting())
    assert (verdict.status, verdict.reason, stored.passages) == ("skipped", "over_quota", 0)
    assert (files.finished, files.passages) == ([], {})


def test_what_reading_took_is_the_owners_to_spend(tmp_path: Path) -> None:
    quotas = FakeQuotas(seconds=5)
    take_in(tmp_path, files=FakeFiles(), quotas=quotas, reader=SlowReader())
    assert quotas.allowance.seconds == 3


@pytest.mark.parametrize(("room", "status", "kept"), [(99, "used", True), (3, "skipped", False)])
def test_a_picture_is_kept_where_there_is_room(tmp_path: Path, room: int, status: str, kept: bool) -> None:
    files = FakeFiles()
    _, stored, verdict = take_in(tmp_path, files=files, quotas=FakeQuotas(size=room), name="cat.png")
    assert (verdict.status, stored.size, bool(stored.list_pictures())) == (status, 12 * kept, kept)
    assert list(files.pictures) == ["f1"] * kept
