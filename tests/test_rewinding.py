"""These tests show which turns of a session a question replaces, by what a chat page shows."""

import pytest

from qa_service.model import Rewind
from qa_service.rewinding import context_of, find_replaced, topic_after, topics_after
from qa_service.turns import Turn
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
    assert [seen.answer_id for seen in context_of(turns, 2, 20)] == ["new", "half"]
    assert [seen.answer_id for seen in context_of(turns, 2, 1)] == ["half"]
    assert [seen.answer_id for seen in context_of(turns, 1, 20)] == ["old"]
    assert context_of(turns, 3, 20) == []


def test_a_session_goes_on_in_the_topic_of_its_last_turn() -> None:
    turns = [turn("first"), turn("new", topic=2), turn("back")]
    assert [topic_after(turns[:left]) for left in range(4)] == [1, 1, 2, 1]
    assert [topics_after(turns[:left]) for left in range(4)] == [1, 1, 2, 2]


AGAIN = turn("b3", question="q3", instead_of=("a2", "a3"))


@pytest.mark.parametrize(
    ("turns", "replaced", "begin"),
    [
        (TURNS, "a2", 1),
        (TURNS, "gone", 3),
        ([*TURNS[:2], AGAIN], "a3", 2),
        ([*TURNS[:2], AGAIN], "gone", 3),
        ([TURNS[0], AGAIN, TURNS[2]], "a2", 3),
        ([], "a2", 0),
    ],
)
def test_an_answer_named_by_its_id_is_replaced_or_the_last_turn_that_has_taken_its_place(
    turns: list[Turn], replaced: str, begin: int
) -> None:
    assert find_replaced(turns, Rewind(replaced, is_exact=True)) == begin
