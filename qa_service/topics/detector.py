"""This module has the drift detector. It uses learned weights of features, and rules where single words decide."""

import re
from collections.abc import Mapping, Sequence

from qa_service.model import Drift, Exchange, Session
from qa_service.topics.features import compute_features
from qa_service.topics.weights import Weights, load_weights

_SURE = 0.99
"""A question that announces a new topic gets at least this score."""
_ANNOUNCED = 2
"""A question that announces a new topic must have at least so many new content words: "by the way, the price?" is a
follow-up."""
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
"""It maps a feature to the reason that is given where the question has this feature."""


class KeepTopic:
    """`KeepTopic` is a `DriftDetector` for sites where only `topic=new` begins a topic."""

    def judge_topic(self, question: str, session: Session) -> Drift:
        """Decide that the question stays in its topic."""
        return Drift(drifted=False, score=0.0, reasons=("off",))


class LearnedDrift:
    """`LearnedDrift` is a `DriftDetector` that looks only at the question and the latest exchanges of its topic.

    Many threads may use it at once, and its work is bounded, however long the texts are. Without `weights` it takes
    those that come with the package.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or load_weights()

    def judge_topic(self, question: str, session: Session) -> Drift:
        """Decide whether the question begins a new topic. Where that is unsure, the topic stays."""
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
    """Return whether only one of the question and the last exchange is Korean, so that they can't have words in
    common."""
    last = context[-1]
    return _is_korean(question) != (_is_korean(last.question) or _is_korean(last.text))


def _is_korean(text: str) -> bool:
    return not text.isascii() and bool(_HANGUL.search(text))
