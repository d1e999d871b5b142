"""These tests show what every `LineSource` promises, whichever worker writes the lines."""

import time
from pathlib import Path

import pytest

from qa_service.images.lines import DrawnLine
from qa_service.images.reading import LinesElsewhere, LinesHere, LineSource
from qa_service.images.running import RunningDrawing
from qa_service.interfaces import DrawingPlace, LinesEnd
from qa_service.stores.drawn_lines import RedisDrawnLines
from qa_service.stores.guard import StoreGuard
from tests.fakes import ANN, client
from tests.lateness import Lateness

PLACE = DrawingPlace(ANN, "cat", "first")


class TestLineSource:
    @pytest.fixture
    def share(self) -> RedisDrawnLines:
        share = RedisDrawnLines(client(), StoreGuard())
        share.claim_drawing(PLACE)
        return share

    @pytest.fixture
    def drawing(self, share: RedisDrawnLines, tmp_path: Path) -> RunningDrawing:
        return RunningDrawing(PLACE, tmp_path, seconds=60, share=share)

    @pytest.fixture(params=["here", "elsewhere"])
    def source(self, request: pytest.FixtureRequest, drawing: RunningDrawing, share: RedisDrawnLines) -> LineSource:
        source = LinesHere(drawing) if request.param == "here" else LinesElsewhere(share, PLACE)
        assert list(source.take_pieces(0)) == []
        return source

    def test_each_piece_comes_once_and_in_order(self, source: LineSource, drawing: RunningDrawing) -> None:
        taken = []
        for content in (b"one\n", b"two\n"):
            drawing.add_line(DrawnLine(content, (), b""))
            drawing.look_around()
            taken.append(b"".join(source.take_pieces(0)))
        assert taken == [b"one\n", b"two\n"]

    @pytest.mark.parametrize("end", ["whole", "cut"])
    def test_behind_the_end_come_no_more_pieces_than_are_taken_next(
        self, source: LineSource, drawing: RunningDrawing, end: LinesEnd
    ) -> None:
        drawing.add_line(DrawnLine(b"one\n", (), b""))
        drawing.end_lines(end)
        taken = b""
        while not source.end:
            taken += b"".join(source.take_pieces(0))
        taken += b"".join(source.take_pieces(0))
        assert (taken, source.end, list(source.take_pieces(0))) == (b"one\n", end, [])

    def test_where_there_is_none_yet_it_waits_no_longer_than_it_is_told(self, source: LineSource) -> None:
        began, late = time.monotonic(), Lateness()
        assert list(source.take_pieces(0.05)) == []
        assert 0.05 <= time.monotonic() - began < 1 + late.seconds
