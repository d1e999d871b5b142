"""The drift detector: it has learned weights for features, and rules for where a single word decides."""

import re
from collections.abc import Mapping, Sequence

from qa_service.model import Drift, Exchange, Session
from qa_service.topics.features import compute_features
from qa_service.topics.weights import Weights, load_weights

_SURE = 0.99
_ANNOUNCED = 2
"""The new content words that an announced topic must have at least; "by the way, the price?" is a follow-up."""
_HANGUL = re.compile("[가-힣]")
_REASONS = {
    "marker": "announced",
    "nothing shared": "no shared words",
    "tied": "leans on what was said",
    "replies": "answers a question back",
    "any asked": "shares words with questions",
    "any told": "shares words with answers",
    "0 words": "no content words",
}


class KeepTopic:
    """A `DriftDetector` for sites where only `topic=new` begins a topic."""

    def judge_topic(self, question: str, session: Session) -> Drift:
        """Every question stays in its topic."""
        return Drift(drifted=False, score=0.0, reasons=("off",))


class LearnedDrift:
    """A `DriftDetector` that looks at the question and the latest exchanges of its topic alone.

    It may be used by many threads at once, and its work is bounded, however long the texts are. Without `weights` it
    takes those that come with the package.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or load_weights()

    def judge_topic(self, question: str, session: Session) -> Drift:
        """Whether the question begins a new topic; when that is unsure, the topic stays."""
        if not session.context:
            return Drift(drifted=False, score=0.0, reasons=("no context",))
        numbers = compute_features(question, session.context)
        reasons = tuple(reason for name, reason in _REASONS.items() if numbers.get(name))
        score = self._weights.score(numbers)
        if _announced(numbers):
            return Drift(drifted=True, score=max(score, _SURE), reasons=reasons)
        if numbers["0 words"] or _incomparable(question, session.context):
            return Drift(drifted=False, score=min(score, self._weights.threshold / 2), reasons=(*reasons, "unsure"))
        return Drift(drifted=score >= self._weights.threshold, score=score, reasons=reasons)


def _announced(numbers: Mapping[str, float]) -> bool:
    return bool(numbers["marker untied"] and numbers["nothing shared"] and numbers["stems new"] >= _ANNOUNCED)


def _incomparable(question: str, context: Sequence[Exchange]) -> bool:
    """Whether one of the question and the last exchange is Korean and the other isn't: they can't share words."""
    last = context[-1]
    return _is_korean(question) != (_is_korean(last.question) or _is_korean(last.text))


def _is_korean(text: str) -> bool:
    return not text.isascii() and bool(_HANGUL.search(text))
