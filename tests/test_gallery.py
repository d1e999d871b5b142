"""These tests show what becomes of a picture that a model has drawn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qa_service.deltas import Drawn
from qa_service.errors import Overloaded
from qa_service.file_news import FileEnd, FileNews, ReadPicture
from qa_service.files.segment import PICTURE_BYTES
from qa_service.frames import Image, StageNotice
from qa_service.gallery import MOST_UNSCALED_BYTES, Gallery
from qa_service.model import FilePicture, Picture, ReadRequest, Verdict
from qa_service.running.stop import StopSignal
from tests.fakes import DOWN, FakeDrawings, FakeQuotas, admission, gallery
from tests.scripts import noise
from tests.web.house import Reader

NOTHING = StageNotice("generating_image")
PNG = noise(1_000)


def show(known: Gallery, path: Path | str, *, partial: bool = False, version: int = 0) -> Image | StageNotice:
    return known.show_picture(Drawn(1, partial, str(path)), admission(), version, StopSignal())


def written(folder: Path, data: bytes) -> Path:
    path = folder / "drawn"
    path.write_bytes(data)
    return path


class Refusing:
    """A `Refusing` is a reader that has no process for another file."""

    def read_upload(self, request: ReadRequest, stop: object) -> Iterator[FileNews]:
        raise Overloaded("no room")


class Finding:
    """A `Finding` is a reader that finds a file damaged."""

    def read_upload(self, request: ReadRequest, stop: object) -> Iterator[FileNews]:
        yield FileEnd(Verdict("", "png", "failed", "damaged"))


@pytest.mark.parametrize("partial", [True, False])
def test_a_small_one_is_kept_as_it_is_and_shown(tmp_path: Path, partial: bool) -> None:
    known = gallery(Refusing(), drawings := FakeDrawings())
    frame = show(known, written(tmp_path, PNG), partial=partial)
    assert isinstance(frame, Image)
    assert (frame.index, frame.partial, frame.mime_type) == (1, partial, "image/png")
    assert frame.url.startswith(f"answers/{'1' * 32}/images/1?")
    assert drawings.kept == {("1" * 32, 1): Picture("image/png", PNG)}


def test_a_large_one_is_scaled_where_it_can_do_no_harm(tmp_path: Path) -> None:
    known = gallery(Reader(), drawings := FakeDrawings())
    frame = show(known, written(tmp_path, noise(MOST_UNSCALED_BYTES + 1)))
    assert isinstance(frame, Image)
    (kept,) = drawings.kept.values()
    assert (kept.mime_type, frame.mime_type) == ("image/jpeg", "image/jpeg")
    assert len(kept.data) <= PICTURE_BYTES


def test_a_part_of_a_large_one_is_passed_over(tmp_path: Path) -> None:
    assert show(gallery(Reader()), written(tmp_path, noise(MOST_UNSCALED_BYTES + 1)), partial=True) == NOTHING


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"<html>", b"%PDF-1.7", b"II*\0"])
def test_what_is_no_picture_of_a_known_kind_is_not_kept(tmp_path: Path, data: bytes) -> None:
    known = gallery(Reader(), drawings := FakeDrawings())
    assert show(known, written(tmp_path, data)) == NOTHING
    assert drawings.kept == {}


@pytest.mark.parametrize(("reader", "reason"), [(Refusing(), "no room"), (Finding(), "damaged")])
def test_one_that_cannot_be_scaled_ends_no_answer_and_operators_learn_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reader: Refusing | Finding, reason: str
) -> None:
    assert show(gallery(reader), written(tmp_path, noise(MOST_UNSCALED_BYTES + 1))) == NOTHING
    assert f"a picture of answer {'1' * 32} can't be shown: {reason}" in caplog.text


class Busy:
    """A `Busy` is a reader on a machine that is too busy to read the first files."""

    def __init__(self, *failures: FileEnd | Overloaded) -> None:
        self.failures = list(failures)

    def read_upload(self, request: ReadRequest, stop: object) -> Iterator[FileNews]:
        match self.failures.pop(0) if self.failures else ReadPicture(Picture("image/png", PNG), FilePicture(1, 100)):
            case Overloaded() as refusal:
                raise refusal
            case FileEnd() | ReadPicture() as news:
                yield news


def test_a_finished_one_is_scaled_again_on_a_machine_that_is_too_busy(tmp_path: Path) -> None:
    late = FileEnd(Verdict("", "png", "failed", "timed_out"))
    known = replace(gallery(Busy(late, Overloaded("no room"))), pauses=(0.0, 0.0))
    assert isinstance(show(known, written(tmp_path, noise(MOST_UNSCALED_BYTES + 1))), Image)


def test_one_that_is_damaged_is_not_read_twice(tmp_path: Path) -> None:
    reader = Busy(*[FileEnd(Verdict("", "png", "failed", "damaged"))] * 2)
    known = replace(gallery(reader), pauses=(60.0,))
    assert show(known, written(tmp_path, noise(MOST_UNSCALED_BYTES + 1))) == NOTHING
    assert len(reader.failures) == 1


@pytest.mark.parametrize("path", ["", "/nowhere/at/all"])
def test_one_without_a_file_ends_no_answer(path: str) -> None:
    assert show(gallery(), path) == NOTHING


def test_an_owner_without_room_gets_no_picture(tmp_path: Path) -> None:
    known = gallery(drawings=(drawings := FakeDrawings()), quotas=FakeQuotas(size=len(PNG) - 1))
    assert show(known, written(tmp_path, PNG)) == NOTHING
    assert drawings.kept == {}


def test_a_session_that_is_gone_gets_none_either(tmp_path: Path) -> None:
    drawings = FakeDrawings()
    drawings.gone = True
    assert show(gallery(drawings=drawings), written(tmp_path, PNG)) == NOTHING


class Hiccups(FakeDrawings):
    """A `Hiccups` is a store that is away `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def keep_picture(self, *picture: Any) -> bool:
        self.times -= 1
        if self.times >= 0:
            raise DOWN
        return super().keep_picture(*picture)


@pytest.mark.parametrize(("times", "partial", "kept"), [(2, False, True), (3, False, False), (1, True, False)])
def test_a_finished_one_waits_for_a_store_that_is_away_and_ends_no_answer(
    tmp_path: Path, times: int, partial: bool, kept: bool
) -> None:
    known = replace(gallery(drawings=(drawings := Hiccups(times))), pauses=(0.0, 0.0))
    frame = show(known, written(tmp_path, PNG), partial=partial)
    assert (isinstance(frame, Image), len(drawings.kept)) == (kept, int(kept))


def test_a_stop_ends_the_wait_for_the_store(tmp_path: Path) -> None:
    known, stop = replace(gallery(drawings=Hiccups(9)), pauses=(60.0, 60.0)), StopSignal()
    stop.set("cancelled")
    drawn = Drawn(0, False, str(written(tmp_path, PNG)))
    assert known.show_picture(drawn, admission(), 0, stop) == NOTHING


def test_each_version_has_an_address_of_its_own(tmp_path: Path) -> None:
    known, path = gallery(), written(tmp_path, PNG)
    shown = [show(known, path, version=version) for version in range(2)]
    assert len({frame.url for frame in shown if isinstance(frame, Image)}) == 2
