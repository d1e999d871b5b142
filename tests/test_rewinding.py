"""Which turns of a session a question replaces, by what a chat page shows."""

import pytest

from qa_service.model import Rewind
from qa_service.rewinding import context_after, find_replaced, topic_after
from tests.fakes import turn

TURNS = [turn(f"a{number}", question=f"q{number}", text="t", status="completed") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("rewind", "begin"),
    [
        (Rewind("a2", kept=("a1",)), 1),
        (Rewind("a3"), 2),
        (Rewind("a user's message", kept=("a1",)), 1),
        (Rewind(kept=("a1", "a2")), 2),
        (Rewind(kept=("a1", "a2", "a3"), repeated="q4"), 3),
        (Rewind(kept=("of another service", "a1")), 1),
        (Rewind(is_first=True), 0),
        (Rewind(repeated="q3"), 2),
        (Rewind(kept=("of another service",), repeated="q3"), 2),
        (Rewind(repeated="a question that was refused"), 3),
        (Rewind(), 2),
    ],
)
def test_the_page_tells_what_is_replaced(rewind: Rewind, begin: int) -> None:
    assert find_replaced(TURNS, rewind) == begin


@pytest.mark.parametrize("rewind", [Rewind(), Rewind("a1"), Rewind(kept=("a1",)), Rewind(is_first=True)])
def test_a_session_without_turns_loses_none(rewind: Rewind) -> None:
    assert find_replaced([], rewind) == 0


def test_a_model_sees_the_answers_of_the_last_topic_that_have_text() -> None:
    turns = [
        turn("old", text="t", status="completed"),
        turn("new", topic=2, text="t", status="completed"),
        turn("failed", topic=2, text="t", status="failed"),
        turn("empty", topic=2, status="cancelled"),
        turn("half", topic=2, text="t", status="cancelled"),
    ]
    assert context_after(turns, 20) == ["new", "half"]
    assert context_after(turns, 1) == ["half"]
    assert context_after(turns[:1], 20) == ["old"]
    assert context_after([], 20) == []
    assert (topic_after(turns), topic_after(turns[:1]), topic_after([])) == (2, 1, 1)
