"""This module finds the turns of a session that a question replaces, and where the session is without them."""

from collections.abc import Sequence

from qa_service.model import Rewind
from qa_service.turns import Turn


def find_replaced(turns: Sequence[Turn], rewind: Rewind) -> int:
    """Return the place of the first turn that is replaced; all behind it are replaced, too. `turns` are those of the
    session, oldest first. Where none is replaced, the result is the number of turns."""
    places = {turn.answer_id: place for place, turn in enumerate(turns)}
    if rewind.replaced in places:
        return places[rewind.replaced]
    if rewind.is_exact:
        # Where another question has taken that place meanwhile, and nothing was asked since, its turn is meant.
        return len(turns) - (bool(turns) and rewind.replaced in turns[-1].instead_of)
    if kept := [places[answer_id] for answer_id in rewind.kept if answer_id in places]:
        return max(kept) + 1
    if rewind.is_first:
        return 0
    # The page knows its answers by other ids. A question that was refused has no turn; asking it again replaces none.
    is_last = bool(turns) and rewind.repeated in ("", turns[-1].question)
    return len(turns) - is_last


def topic_after(turns: Sequence[Turn]) -> int:
    """Return the topic of a session that has these turns, oldest first."""
    return turns[-1].topic if turns else 1


def topics_after(turns: Sequence[Turn]) -> int:
    """Return how many topics a session has that has these turns."""
    return max((turn.topic for turn in turns), default=1)


def context_of(turns: Sequence[Turn], topic: int, most: int) -> Sequence[Turn]:
    """Return those of the turns that a model sees in this topic, oldest first. At most `most` are seen."""
    return [turn for turn in turns if turn.topic == topic and is_seen(turn)][-most:]


def is_seen(turn: Turn) -> bool:
    """Tell whether a model may see this turn in later questions."""
    return bool(turn.text) and turn.status not in ("failed", "running")
