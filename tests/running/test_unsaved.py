"""Turns that wait for a store that is away."""

import pytest

from qa_service.errors import StoreUnavailable
from qa_service.running import unsaved
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


def test_one_that_has_waited_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[str] = []
    kept = Unsaved(sessions := FakeSessions(), settled.append)
    monkeypatch.setattr(unsaved, "PATIENCE_SECONDS", -1)
    kept.add(ANN, turn("a1"))
    monkeypatch.undo()
    kept.add(ANN, turn("a2"))
    kept.save()
    assert [saved.answer_id for saved in sessions.saved] == settled == ["a2"]


def test_it_contains_those_that_wait() -> None:
    kept = Unsaved(FakeSessions(), lambda _: None)
    kept.add(ANN, turn("a1"))
    assert ("a1" in kept, "a2" in kept) == (True, False)
    kept.save()
    assert "a1" not in kept
