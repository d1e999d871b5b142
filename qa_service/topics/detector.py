"""The drift detector: learned weights over features, and rules where a word decides."""

import re
from collections.abc import Mapping, Sequence

from qa_service.model import Drift, Exchange, Session
from qa_service.topics.features import compute_features
from qa_service.topics.weights import Weights, load_weights

_SURE = 0.99
_ANNOUNCED = 2
"""New content words that an announced topic must have: "by the way, the price?" is a follow-up."""
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
    """For a site that wants no drift: only `topic=new` begins one."""

    def judge(self, question: str, session: Session) -> Drift:
        return Drift(drifted=False, score=0.0, reasons=("off",))


class LearnedDrift:
    """Judges from the question and the latest exchanges of its topic alone; when unsure, the topic stays.

    Thread-safe, and bounded in time whatever the lengths. Texts in scripts that can't be compared by their
    words stay, unless the question announces something new.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or load_weights()

    def judge(self, question: str, session: Session) -> Drift:
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
    last = context[-1]
    return _is_korean(question) != (_is_korean(last.question) or _is_korean(last.text))


def _is_korean(text: str) -> bool:
    return not text.isascii() and bool(_HANGUL.search(text))
