"""These tests show what every `AnswerSource` promises, wherever its answer is written."""

import pytest

from qa_service.frames import Done
from qa_service.interfaces import FollowedAnswer
from qa_service.running.log import MemoryLog
from qa_service.running.mirror import MirroredAnswer
from qa_service.running.source import AnswerSource
from qa_service.running.written import RunningAnswer
from tests.fakes import ANN, admission
from tests.lives import piece


class TestAnswerSource:
    @pytest.fixture(params=["here", "elsewhere"])
    def source(self, request: pytest.FixtureRequest) -> AnswerSource:
        if request.param == "here":
            return RunningAnswer(admission(), MemoryLog(), seconds=60, entries=1)
        return MirroredAnswer(FollowedAnswer(ANN, "1" * 32), "s")

    def test_it_knows_whose_answer_it_is_and_where(self, source: AnswerSource) -> None:
        assert (source.owner, source.answer_id, source.session_id) == (ANN, "1" * 32, "s")

    def test_its_readers_are_counted(self, source: AnswerSource) -> None:
        source.add_reader()
        source.add_reader()
        source.remove_reader()
        assert source.readers == 1

    def test_nothing_comes_after_its_last_frame_once_it_is_over(self, source: AnswerSource) -> None:
        source.log.add_entry(piece(1, "One ", "two."))
        assert not source.has_nothing_after(2)
        source.log.add_entry(piece(3, Done("completed")))
        source.log.close_log()
        assert [source.has_nothing_after(number) for number in (0, 2, 3)] == [False, False, True]

    def test_its_turn_is_known_as_it_stands_or_not_at_all(self, source: AnswerSource) -> None:
        source.log.add_entry(piece(1, "One ", "two."))
        turn = source.known_turn()
        assert turn is None or turn.text == "One two."
