"""This module finds the earlier topic to which a question comes back, and weighs what files say about a question."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from qa_service.language.cues import announces_return, find_cues, remove_announcement
from qa_service.model import Drift, Exchange, Session
from qa_service.topics.features import RECENT_EXCHANGES, compare_words, is_unknown_language
from qa_service.topics.scoring import Likeness, Scorer

COVERED = 0.4
"""From this coverage on, a question is about the files: of the questions that files were about, 92 % were covered so
far, and of questions about other things 5 %."""
WEIGHT = 2.9
"""This is the logarithm of 92 / 5, so that it adds to a logit."""


class Bounds(Struct, frozen=True):
    """A `Bounds` says which logits a question must have so that an earlier topic is reopened."""

    leaving: float
    """The logit against the current topic is at least so great."""
    fitting: float
    """The logit against the earlier topic is at most so great."""
    nearer: float
    """The logit against the earlier topic is smaller than that against the current one by at least this much."""


# To take a question away from its subject is worse than to keep old turns with it, so the less a question says that it
# comes back, the more must speak for it.
_SAYS_SO = Bounds(leaving=-6.0, fitting=0.5, nearer=0.9)
"""The question says that it comes back: "back to …", "아까 …"."""
_HAS_WORDS = Bounds(leaving=-4.0, fitting=1.0, nearer=0.0)
"""At least two content words of the question stand in the earlier topic and not in the current one."""
_HAS_A_WORD = Bounds(leaving=-2.9, fitting=1.0, nearer=0.4)
"""One content word of the question stands in the earlier topic and not in the current one, or the earlier topic has
files that the question is about."""
_HAS_A_WORD_AND_REFERS = Bounds(leaving=-4.0, fitting=-4.0, nearer=1.5)
"""One content word of the question stands in the earlier topic and not in the current one, but the question also has a
pronoun, which may refer to what was said last."""
_IS_NEW = Bounds(leaving=-6.0, fitting=-0.2, nearer=0.9)
"""The question would begin a new topic."""
_STAYS = Bounds(leaving=-6.0, fitting=30.0, nearer=0.0)
"""Content words of the question stand in older turns of the current topic."""
_REFERRING = ("pronoun", "demonstrative")


def weigh_files(like: Likeness, coverage: float) -> float:
    """Return the logit, lowered by what the files of the same topic say about the question. Files that say nothing
    don't raise it."""
    return like.logit - WEIGHT * min(coverage / COVERED, 1.0)


def find_earlier_topic(
    score: Scorer, question: str, session: Session, coverage: Mapping[int, float], drift: Drift, leaving: float
) -> int:
    """Return the number of the topic that the question fits better than the latest exchanges of the current topic, or
    0. It may be the number of the current topic, which the question then comes back to within the topic.

    `coverage` maps a topic's number to the part of the question that its files have words for. `drift` is what was
    decided without a look at earlier topics, and `leaving` the logit by which that was decided.
    """
    is_new = drift.drifted
    candidates = _list_candidates(session, is_new=is_new)
    if not candidates:
        return 0
    rest, announcement = remove_announcement(question)
    returns = announces_return(rest)
    if not (leaving >= _HAS_WORDS.leaving or is_new or returns):
        return 0
    if announcement != "none":  # The words that announce a subject say nothing about which one it is.
        leaving = weigh_files(score(rest, session.context), coverage.get(session.topic, 0.0))
    begins = is_new and announcement != "new subject"
    always = [bounds for bounds, counts in ((_SAYS_SO, returns), (_IS_NEW, begins)) if counts]
    fits = dict[int, float]()
    for index, said in candidates.items():
        fitting = weigh_files(score(rest, said), coverage.get(index, 0.0))
        bounds = _choose_bounds(rest, _list_compared(session, index), said)
        if bounds and index == session.topic:  # It costs little to stay.
            bounds = [_STAYS]
        bounds += always
        if coverage.get(index, 0.0) >= COVERED > coverage.get(session.topic, 0.0):
            bounds.append(_HAS_A_WORD)
        if any(_is_met(bound, leaving, fitting) for bound in bounds):
            fits[index] = fitting
    return min(fits, key=fits.__getitem__, default=0)


def _list_compared(session: Session, index: int) -> Sequence[Exchange]:
    """Return the exchanges of the current topic whose words speak against the topic `index`."""
    older, latest = session.context[:-RECENT_EXCHANGES], session.context[-RECENT_EXCHANGES:]
    return latest if index == session.topic else older[:1] + latest


def _list_candidates(session: Session, *, is_new: bool) -> Mapping[int, Sequence[Exchange]]:
    """Return the exchanges by topic. Where the question would begin a new topic, the older exchanges of the current one
    count, too: the model still sees them."""
    candidates = {topic.index: topic.exchanges for topic in session.earlier if topic.exchanges}
    older = session.context[:-RECENT_EXCHANGES]
    if older and is_new:
        return {session.topic: older[:1] + older[1:][1 - RECENT_EXCHANGES :], **candidates}
    return candidates


def _is_met(bounds: Bounds, leaving: float, fitting: float) -> bool:
    return leaving >= bounds.leaving and fitting <= bounds.fitting and leaving - fitting >= bounds.nearer


def _choose_bounds(question: str, context: Sequence[Exchange], earlier: Sequence[Exchange]) -> list[Bounds]:
    """Choose the bounds by the content words that stand in the earlier topic alone."""
    here = compare_words(question, context)
    there = compare_words(question, earlier)
    words = there.asked - here.old
    if is_unknown_language(question):  # Hardly any of its little words are known, and none of those is long.
        words &= there.rare
    if not words or here.asked - there.old:
        return []
    if len(words) > 1:
        return [_HAS_WORDS]
    return [_HAS_A_WORD_AND_REFERS if find_cues(question).keys() & _REFERRING else _HAS_A_WORD]
