"""Turns that couldn't be saved when they ended, since the store was away."""

import time
from collections.abc import Callable, Container

from qa_service.interfaces import SessionStore
from qa_service.model import Owner, Turn

PATIENCE_SECONDS = 600


class Unsaved(Container[str]):
    """Keeps them until the store is back, or for ten minutes; contains the ids of their answers.

    `settle` is told of each answer that nothing is left to do for.
    """

    def __init__(self, sessions: SessionStore, settle: Callable[[str], None]) -> None:
        self._sessions = sessions
        self._settle = settle
        self._turns: dict[str, tuple[Owner, Turn, float]] = {}

    def __contains__(self, answer_id: object) -> bool:
        return answer_id in self._turns

    def add(self, owner: Owner, turn: Turn) -> None:
        """One more."""
        self._turns[turn.answer_id] = owner, turn, time.monotonic() + PATIENCE_SECONDS

    def save_now(self, owner: Owner, turn: Turn) -> None:
        """This one; raises `StoreUnavailable` where it can't be."""
        self._sessions.save(owner, turn)
        self._settle(turn.answer_id)

    def save(self) -> None:
        """As many as can be; raises `StoreUnavailable` at the first that can't."""
        for answer_id, (owner, turn, until) in list(self._turns.items()):
            if time.monotonic() < until:
                self.save_now(owner, turn)
            del self._turns[answer_id]
