"""One drawing, its readers here, and what readers elsewhere get of it."""

from pathlib import Path

import pytest

from qa_service.errors import Overloaded
from qa_service.images.lines import DrawnLine
from qa_service.images.reading import LinesElsewhere, LinesHere
from qa_service.images.running import MOST_READERS, RunningDrawing
from qa_service.interfaces import DrawingPlace, LineNews
from qa_service.stores.drawn_lines import RedisDrawnLines
from qa_service.stores.guard import StoreGuard
from tests.fakes import ANN, client

PLACE = DrawingPlace(ANN, "cat", "first")
LINE = DrawnLine(b"12345", (), b"678\n")


@pytest.fixture
def share() -> RedisDrawnLines:
    share = RedisDrawnLines(client(), StoreGuard())
    share.claim_drawing(PLACE)
    return share


def test_readers_elsewhere_get_no_more_than_the_store_has_room_for(tmp_path: Path, share: RedisDrawnLines) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=share, shared_bytes=20)
    here, elsewhere = LinesHere(drawing), LinesElsewhere(share, PLACE)
    assert list(elsewhere.take_pieces(0)) == []
    for _ in range(3):
        drawing.add_line(LINE)
    drawing.look_around()
    drawing.end_lines("whole")
    assert b"".join(elsewhere.take_pieces(0)) == b"12345678\n" * 2
    assert elsewhere.end == "cut"
    assert (b"".join(here.take_pieces(0)), here.end) == (b"12345678\n" * 3, "whole")


def test_who_comes_at_the_last_moment_gets_all_lines(tmp_path: Path, share: RedisDrawnLines) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=share)
    drawing.add_line(LINE)
    elsewhere = LinesElsewhere(share, DrawingPlace(ANN, "cat", share.claim_drawing(DrawingPlace(ANN, "cat", "second"))))
    drawing.end_lines("whole")
    assert (b"".join(elsewhere.take_pieces(0)), elsewhere.end) == (b"12345678\n", "whole")


def test_whoever_has_seen_the_end_finds_the_request_free(
    tmp_path: Path, share: RedisDrawnLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=share)
    ended: list[bool] = []
    tell = share.share_lines

    def watch(place: DrawingPlace, news: LineNews) -> bool:
        ended.append(bool(drawing.end))
        return tell(place, news)

    monkeypatch.setattr(share, "share_lines", watch)
    drawing.end_lines("whole")
    assert ended == [False]
    assert drawing.end == "whole"
    assert share.claim_drawing(DrawingPlace(ANN, "cat", "second")) == "second"


def test_what_nobody_reads_is_stopped_and_frees_its_request(tmp_path: Path, share: RedisDrawnLines) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=share)
    first, second = LinesHere(drawing), LinesHere(drawing)
    first.leave()
    assert not drawing.stop.is_set()
    second.leave()
    assert drawing.stop.reason == "hangup"
    assert share.claim_drawing(DrawingPlace(ANN, "cat", "second")) == "second"


def test_files_stay_until_the_last_reader_has_left(tmp_path: Path) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=None)
    reader, path = LinesHere(drawing), tmp_path / "picture"
    path.write_bytes(b"\x89PNG")
    kept = Path(drawing.keep_file(str(path)))
    drawing.end_lines("whole")
    assert kept.read_bytes() == b"\x89PNG"
    reader.leave()
    assert list(tmp_path.iterdir()) == []


def test_readers_are_bounded(tmp_path: Path) -> None:
    drawing = RunningDrawing(PLACE, tmp_path, seconds=60, share=None)
    for _ in range(MOST_READERS):
        LinesHere(drawing)
    with pytest.raises(Overloaded):
        LinesHere(drawing)
