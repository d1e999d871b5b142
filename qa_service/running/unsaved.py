"""Turns that couldn't be saved when they ended, since the store was away."""

from collections.abc import Callable, Container
from contextlib import suppress

from qa_service.errors import QAError
from qa_service.interfaces import SessionStore
from qa_service.model import Owner
from qa_service.turns import Turn


class UnsavedTurns(Container[str]):
    """Keeps them until the store is back; contains the ids of their answers. They are few: while it is away nobody can
    ask. `settle` is told of each answer that nothing is left to do for.
    """

    def __init__(self, sessions: SessionStore, settle: Callable[[str], None]) -> None:
        self._sessions = sessions
        self._settle = settle
        self._turns: dict[str, tuple[Owner, Turn]] = {}

    def __contains__(self, answer_id: object) -> bool:
        return answer_id in self._turns

    def add_turn(self, owner: Owner, turn: Turn) -> None:
        """One more."""
        self._turns[turn.answer_id] = owner, turn

    def save_turn(self, owner: Owner, turn: Turn) -> None:
        """This one; raises `StoreUnavailable` where it can't be."""
        self._sessions.save(owner, turn)
        self._settle(turn.answer_id)

    def save_all(self) -> bool:
        """Save as many as can be saved now. A turn that can't be holds up no other; then this returns False."""
        for answer_id, (owner, turn) in list(self._turns.items()):
            # The turn goes behind all others first: they come before it next time, whatever happens here.
            self._turns[answer_id] = self._turns.pop(answer_id, (owner, turn))
            with suppress(QAError):
                self.save_turn(owner, turn)
                self._turns.pop(answer_id, None)
        return not self._turns
