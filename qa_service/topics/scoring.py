"""This module compares a question with a conversation. The result says how much the question leaves it."""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import TypeAlias

from msgspec import Struct

from qa_service.model import Exchange
from qa_service.topics.features import compute_features
from qa_service.topics.weights import Weights


class Likeness(Struct, frozen=True):
    """A `Likeness` says how a question compares with a conversation."""

    numbers: Mapping[str, float]
    """These are the features by name, as `compute_features` and others compute them."""
    logit: float
    """The more the question leaves the conversation, the greater it is. At 0 a new topic is as likely as not."""


Scorer: TypeAlias = Callable[[str, Sequence[Exchange]], Likeness]
"""A `Scorer` compares a question with the exchanges before it, of which there is at least one. Many threads may call it
at once, and its work is bounded, however long the texts are."""


class WordScorer:
    """A `WordScorer` is a `Scorer` that compares words alone."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __call__(self, question: str, context: Sequence[Exchange]) -> Likeness:
        numbers = compute_features(question, context)
        return Likeness(numbers, self._weights.logit(numbers))


def chance(logit: float) -> float:
    """Return the probability, between 0 and 1, that a logit stands for."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))
