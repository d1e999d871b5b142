"""This module remembers the stops that other workers couldn't be told of, because the store was away."""

from collections.abc import Callable


class UntoldStops:
    """An `UntoldStops` remembers each answer until all workers have been told to stop it. There are few such answers,
    because each of these stops comes from a request of a person. `announce` tells all workers of a stop."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._answers: set[str] = set()

    def tell(self, answer_id: str) -> None:
        """Tell all workers to stop this answer. Raises `QAError` where that can't be done now."""
        self._answers.add(answer_id)
        self._announce(answer_id)
        self._answers.discard(answer_id)

    def tell_all(self) -> None:
        """Tell all workers of the stops that couldn't be told before. Raises `QAError` at the first stop that can't be
        told now either."""
        for answer_id in list(self._answers):
            self.tell(answer_id)
