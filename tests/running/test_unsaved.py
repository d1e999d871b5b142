"""Turns wait for a store that is away, and are saved when it is back."""

import pytest

from qa_service.errors import QAError, StoreUnavailable
from qa_service.interfaces import Saved
from qa_service.model import Owner
from qa_service.running.unsaved import UnsavedTurns
from qa_service.turns import Turn
from tests.fakes import ANN, BUG, FakeSessions, admission, turn


def test_they_are_saved_once_the_store_is_back_each_once() -> None:
    settled: list[str] = []
    kept = UnsavedTurns(sessions := FakeSessions(admission()), settled.append)
    kept.add_turn(ANN, turn("a1"))
    kept.add_turn(ANN, turn("a2"))
    sessions.available = False
    kept.save_all()
    assert not sessions.saved
    sessions.available = True
    kept.save_all()
    kept.save_all()
    assert [saved.answer_id for saved in sessions.saved] == settled == ["a1", "a2"]


def test_two_who_save_at_once_do_each_other_no_harm() -> None:
    def settle(answer_id: str) -> None:
        settled.append(answer_id)
        if len(settled) == 1:
            kept.save_all()

    settled: list[str] = []
    kept = UnsavedTurns(FakeSessions(admission()), settle)
    kept.add_turn(ANN, turn("a1"))
    kept.save_all()
    assert (settled, "a1" in kept) == (["a1", "a1"], False)


def test_it_contains_those_that_wait() -> None:
    kept = UnsavedTurns(FakeSessions(admission()), lambda _: None)
    kept.add_turn(ANN, turn("a1"))
    assert ("a1" in kept, "a2" in kept) == (True, False)
    kept.save_all()
    assert "a1" not in kept


class Picky(FakeSessions):
    """`Picky` sessions can't keep one of the turns."""

    def __init__(self, error: Exception) -> None:
        super().__init__(admission())
        self._error = error

    def save_turn(self, owner: Owner, turn: Turn) -> Saved:
        if turn.answer_id == "a1":
            raise self._error
        return super().save_turn(owner, turn)


@pytest.mark.parametrize("error", [StoreUnavailable("no room for this one"), QAError("asked for something wrong")])
def test_one_that_cannot_be_saved_blocks_no_other(error: QAError) -> None:
    kept = UnsavedTurns(sessions := Picky(error), lambda _: None)
    for answer_id in ("a1", "a2", "a3"):
        kept.add_turn(ANN, turn(answer_id))
    kept.save_all()
    assert [saved.answer_id for saved in sessions.saved] == ["a2", "a3"]
    assert ("a1" in kept, "a2" in kept, "a3" in kept) == (True, False, False)


def test_one_that_breaks_what_saves_it_blocks_no_other_either() -> None:
    kept = UnsavedTurns(sessions := Picky(BUG), lambda _: None)
    for answer_id in ("a1", "a2", "a3"):
        kept.add_turn(ANN, turn(answer_id))
    with pytest.raises(ZeroDivisionError):
        kept.save_all()
    with pytest.raises(ZeroDivisionError):
        kept.save_all()
    assert [saved.answer_id for saved in sessions.saved] == ["a2", "a3"]
