"""A foreign answer's log as it comes in, and what is told of one whose log has expired."""

import pytest

from qa_service.errors import UpstreamTimeout
from qa_service.frames import (
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Reference,
    Restart,
    Start,
    Text,
    Timing,
    TopicNotice,
)
from qa_service.interfaces import FollowedAnswer
from qa_service.language.phrases import build_failure
from qa_service.model import Usage
from qa_service.pause import LongWork
from qa_service.running.mirror import MirroredAnswer, frames_from_turn
from qa_service.turns import Turn
from tests.fakes import ANN, turn
from tests.lives import numbered, piece

TOPIC = TopicNotice(2, drifted=True, score=0.9)
METADATA = Metadata(
    "s", "1" * 32, "mini-2", Usage(), (), None, Timing(1, 2), TOPIC, (), finish_reason="stop", saved=True
)
SOURCE = Reference(1, "url", url="https://example.com")


def mirror() -> MirroredAnswer:
    return MirroredAnswer(FollowedAnswer(ANN, "1" * 32), "s")


def ended(error: Failure | None = None, images: tuple[Image, ...] = ()) -> Turn:
    return turn(text="So.", status="completed", references=(SOURCE,), metadata=METADATA, error=error, images=images)


def test_it_knows_whose_and_where_it_is() -> None:
    seen = mirror()
    assert (seen.owner, seen.answer_id, seen.session_id, seen.cursor) == (ANN, "1" * 32, "s", "0-0")


def test_it_grows_and_remembers_how_far_it_has_read() -> None:
    seen = mirror()
    seen.add_entries([piece(1, "a"), piece(2, "b", "c")], "3-1")
    assert (seen.log.text(), seen.cursor, seen.log.closed) == ("abc", "3-1", False)


def test_a_long_log_comes_in_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[LongWork] = []
    monkeypatch.setattr(LongWork, "end_step", lambda work: steps.append(work))
    mirror().add_entries([piece(1, "a"), piece(2, "b"), piece(3, "c")], "3-1")
    assert len(steps) == 3


def test_it_is_over_with_the_answers_last_frame() -> None:
    seen = mirror()
    seen.add_entries([piece(1, "a", Done("completed"))], "2-0")
    assert (seen.log.closed, seen.log.handed_over) == (True, False)


class TestRebuilding:
    def test_what_is_left_is_told_in_order_and_beyond_the_old_numbers(self) -> None:
        seen = mirror()
        seen.rebuild_from(ended(), 41)
        told = numbered([seen.log.read_batch(0)])
        assert [number for number, _ in told] == list(range(42, 48))
        start = Start("1" * 32, "s", created=False, model="mini-2", topic=TOPIC, created_at=turn().created_at)
        assert [frame for _, frame in told] == [
            start,
            Restart("expired"),
            Text("So."),
            SOURCE,
            METADATA,
            Done("completed"),
        ]
        assert (seen.expired_after, seen.log.closed) == (41, True)

    def test_pictures_come_behind_the_text(self) -> None:
        image = Image(0, partial=False, mime_type="image/png", url="answers/a/images/0?version=0")
        told = frames_from_turn(ended(images=(image,)), "expired")
        assert told[2:5] == [Text("So."), image, SOURCE]

    def test_a_failure_comes_before_the_metadata(self) -> None:
        error = build_failure(UpstreamTimeout(), "en")
        assert frames_from_turn(ended(error=error), "expired")[-3:] == [error, METADATA, Done("completed")]

    @pytest.mark.parametrize("status", ["failed", "running"])
    def test_without_metadata_the_turn_tells_the_topic(self, status: str) -> None:
        frames: list[Frame] = frames_from_turn(turn(status=status, text="Half", topic=3), "expired")
        assert isinstance(frames[0], Start)
        assert (frames[0].topic.index, frames[0].model) == (3, "")
        assert frames[1:] == [Restart("expired"), Text("Half"), Done(status)]
