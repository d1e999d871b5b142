"""This module has the Protocol of an answer that can be read in this worker."""

from typing import Protocol

from qa_service.model import Owner
from qa_service.running.log import MemoryLog
from qa_service.turns import Turn


class AnswerSource(Protocol):
    """An `AnswerSource` is an answer that can be read in this worker, whether it is written here or comes from the
    store."""

    owner: Owner
    answer_id: str
    session_id: str
    log: MemoryLog
    readers: int

    def add_reader(self) -> None:
        """Count one reader more."""

    def remove_reader(self) -> None:
        """Count one reader less."""

    def has_nothing_after(self, number: int) -> bool:
        """Tell whether the answer is over, and a reader that has seen the frame with this number has seen it all."""

    def known_turn(self) -> Turn | None:
        """Return the turn as it stands, or None where only the store knows it."""
