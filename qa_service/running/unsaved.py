"""Turns that couldn't be saved when they ended, since the store was away."""

from collections.abc import Callable, Container

from qa_service.interfaces import SessionStore
from qa_service.model import Owner
from qa_service.turns import Turn


class Unsaved(Container[str]):
    """Keeps them until the store is back; contains the ids of their answers. They are few: while it is away nobody can
    ask. `settle` is told of each answer that nothing is left to do for.
    """

    def __init__(self, sessions: SessionStore, settle: Callable[[str], None]) -> None:
        self._sessions = sessions
        self._settle = settle
        self._turns: dict[str, tuple[Owner, Turn]] = {}

    def __contains__(self, answer_id: object) -> bool:
        return answer_id in self._turns

    def add(self, owner: Owner, turn: Turn) -> None:
        """One more."""
        self._turns[turn.answer_id] = owner, turn

    def save_now(self, owner: Owner, turn: Turn) -> None:
        """This one; raises `StoreUnavailable` where it can't be."""
        self._sessions.save(owner, turn)
        self._settle(turn.answer_id)

    def save(self) -> None:
        """As many as can be; raises `StoreUnavailable` at the first that can't."""
        for answer_id, (owner, turn) in list(self._turns.items()):
            self.save_now(owner, turn)
            self._turns.pop(answer_id, None)
