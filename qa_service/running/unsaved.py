"""Turns that couldn't be saved when they ended, since the store was away."""

import time

from qa_service.interfaces import SessionStore
from qa_service.model import Owner, Turn

PATIENCE_SECONDS = 600


class Unsaved:
    """Keeps them until the store is back, or for ten minutes."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions
        self._turns: list[tuple[Owner, Turn, float]] = []

    def add(self, owner: Owner, turn: Turn) -> None:
        """One more."""
        self._turns.append((owner, turn, time.monotonic() + PATIENCE_SECONDS))

    def save_now(self, owner: Owner, turn: Turn) -> None:
        """This one; raises `StoreUnavailable` where it can't be."""
        self._sessions.save(owner, turn)

    def save(self) -> None:
        """As many as can be; raises `StoreUnavailable` at the first that can't."""
        while self._turns:
            owner, turn, until = self._turns[0]
            if time.monotonic() < until:
                self._sessions.save(owner, turn)
            self._turns.pop(0)
