"""Turns that wait for a store that is away."""

import pytest

from qa_service.errors import StoreUnavailable
from qa_service.running.unsaved import Unsaved
from tests.fakes import ANN, FakeSessions, turn


def test_they_are_saved_once_the_store_is_back_each_once() -> None:
    settled: list[str] = []
    kept = Unsaved(sessions := FakeSessions(), settled.append)
    kept.add(ANN, turn("a1"))
    kept.add(ANN, turn("a2"))
    sessions.available = False
    with pytest.raises(StoreUnavailable):
        kept.save()
    sessions.available = True
    kept.save()
    kept.save()
    assert [saved.answer_id for saved in sessions.saved] == settled == ["a1", "a2"]


def test_two_who_save_at_once_do_each_other_no_harm() -> None:
    def settle(answer_id: str) -> None:
        settled.append(answer_id)
        if len(settled) == 1:
            kept.save()

    settled: list[str] = []
    kept = Unsaved(FakeSessions(), settle)
    kept.add(ANN, turn("a1"))
    kept.save()
    assert (settled, "a1" in kept) == (["a1", "a1"], False)


def test_it_contains_those_that_wait() -> None:
    kept = Unsaved(FakeSessions(), lambda _: None)
    kept.add(ANN, turn("a1"))
    assert ("a1" in kept, "a2" in kept) == (True, False)
    kept.save()
    assert "a1" not in kept
