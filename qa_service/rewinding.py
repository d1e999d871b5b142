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
        return len(turns)
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


def context_after(turns: Sequence[Turn], most: int) -> list[str]:
    """Return the ids of the answers that a model sees in a session that has these turns. At most `most` are seen."""
    topic = topic_after(turns)
    seen = [turn.answer_id for turn in turns if turn.topic == topic and turn.text and turn.status != "failed"]
    return seen[-most:]
