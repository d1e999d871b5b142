"""This module keeps the turns that couldn't be saved when their answers ended, because the store was away."""

from collections.abc import Callable, Container
from contextlib import suppress

from qa_service.errors import QAError
from qa_service.interfaces import SessionStore
from qa_service.model import Owner
from qa_service.turns import Turn


class UnsavedTurns(Container[str]):
    """An `UnsavedTurns` keeps the turns that couldn't be saved, and is a container of their answers' ids. They are few,
    because nobody can ask while the store is away. `settle` is called with the id of each answer that is saved here."""

    def __init__(self, sessions: SessionStore, settle: Callable[[str], None]) -> None:
        self._sessions = sessions
        self._settle = settle
        self._turns: dict[str, tuple[Owner, Turn]] = {}

    def __contains__(self, answer_id: object) -> bool:
        return answer_id in self._turns

    def add_turn(self, owner: Owner, turn: Turn) -> None:
        """Keep a turn until it can be saved."""
        self._turns[turn.answer_id] = owner, turn

    def save_turn(self, owner: Owner, turn: Turn) -> None:
        """Save this turn now. Raises `QAError` where that isn't possible."""
        self._sessions.save_turn(owner, turn)
        self._settle(turn.answer_id)

    def save_all(self) -> None:
        """Save as many turns as can be saved now. A turn that can't be saved holds up no other."""
        for answer_id, (owner, turn) in list(self._turns.items()):
            # First the turn moves behind all others, so that next time the others come before it, even where it raises.
            self._turns[answer_id] = self._turns.pop(answer_id, (owner, turn))
            with suppress(QAError):
                self.save_turn(owner, turn)
                self._turns.pop(answer_id, None)
