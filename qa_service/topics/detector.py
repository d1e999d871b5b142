"""This module has the drift detector. It uses what was learned from labelled questions, and rules where single words
decide."""

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from qa_service.model import Drift, Exchange, Session
from qa_service.topics.reopening import find_earlier_topic, weigh_files
from qa_service.topics.scoring import Likeness, Scorer, WordScorer, chance
from qa_service.topics.weights import Weights, load_weights

_SURE = 0.99
"""A question that announces a new topic gets at least this score."""
_ANNOUNCED = 2
"""A question that announces a new topic must have at least this many new content words: "by the way, the price?" is a
follow-up."""
_LIKELY = 0.5
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

    def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
        """Decide that the question stays in its topic."""
        return Drift(drifted=False, score=0.0, reasons=("off",))


class LearnedDrift:
    """`LearnedDrift` is a `DriftDetector` that looks at the question, at the latest exchanges of its topic and of
    earlier topics, and at what the files say about the question.

    Without a scorer it compares words, with the weights that come with the package. `encoder` names the encoder whose
    vectors it compares, and is empty where it compares words alone.
    """

    def __init__(self, weights: Weights | None = None, scorer: Scorer | None = None) -> None:
        weights = weights or load_weights("words")
        self.encoder = weights.encoder
        self._score = scorer or WordScorer(weights)
        self._threshold = weights.threshold

    def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
        """Decide whether the question stays in its topic, begins a new one, or belongs to an earlier one. Where that is
        unsure, the topic stays."""
        if not session.context:
            return Drift(drifted=False, score=0.0, reasons=("no context",))
        like = self._score(question, session.context)
        like = replace(like, logit=weigh_files(like, coverage.get(session.topic, 0.0)))
        drift = judge_likeness(question, session.context, like, self._threshold)
        index = find_earlier_topic(self._score, question, session, coverage, drift, like.logit)
        if index == session.topic:
            return replace(drift, drifted=False, reasons=(*drift.reasons, "fits older turns"))
        if index:
            return replace(drift, drifted=False, reopened=index, reasons=(*drift.reasons, "fits an earlier topic"))
        return drift


def judge_likeness(question: str, context: Sequence[Exchange], like: Likeness, threshold: float) -> Drift:
    """Decide whether a question begins a new topic, where it isn't compared with earlier ones."""
    numbers, score = like.numbers, chance(like.logit)
    reasons = tuple(reason for name, reason in _REASONS.items() if numbers.get(name))
    if _announced(numbers, score):
        return Drift(drifted=True, score=max(score, _SURE), reasons=reasons)
    if numbers["0 words"] or _incomparable(question, context):
        return Drift(drifted=False, score=min(score, threshold / 2), reasons=(*reasons, "unsure"))
    return Drift(drifted=score >= threshold, score=score, reasons=reasons)


def _announced(numbers: Mapping[str, float], score: float) -> bool:
    """Tell whether the question says that it is about another subject, and nothing in it speaks against that."""
    if not numbers["marker untied"] or numbers["stems new"] < _ANNOUNCED:
        return False
    return bool(numbers["says new subject"] or numbers["nothing shared"]) or score >= _LIKELY


def _incomparable(question: str, context: Sequence[Exchange]) -> bool:
    """Return whether only one of the question and the last exchange is Korean, so that they can't have words in
    common."""
    last = context[-1]
    return _is_korean(question) != (_is_korean(last.question) or _is_korean(last.text))


def _is_korean(text: str) -> bool:
    return not text.isascii() and bool(_HANGUL.search(text))
