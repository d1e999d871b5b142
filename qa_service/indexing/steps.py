"""This module has the values that the command `index` passes on: what became of one document, and of all of them."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

StepState: TypeAlias = Literal["waiting", "read", "unchanged", "removed", "skipped", "failed"]


class IndexStep(Struct, frozen=True):
    """An `IndexStep` says what became of one file, page or site. `reason` is a word such as `too_large`, or a short
    English text."""

    name: str
    state: StepState
    reason: str = ""
    document_id: str = ""


class IndexTally:
    """An `IndexTally` counts what became of all."""

    def __init__(self) -> None:
        self._counts: Counter[StepState] = Counter()

    @property
    def counts(self) -> Mapping[StepState, int]:
        """Return how many documents have come to each state."""
        return self._counts

    def count_step(self, step: IndexStep) -> None:
        """Count one more."""
        self._counts[step.state] += 1
