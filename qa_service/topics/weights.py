"""This module has what the detector has learned: a weight for each feature, and the score at which a topic is new."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from msgspec import Struct, json


class MeaningWeights(Struct, frozen=True):
    """A `MeaningWeights` has a weight for each number of three vectors: that of the question, and its products, number
    by number, with those of the conversation and of the last answer."""

    question: tuple[float, ...]
    context: tuple[float, ...]
    answer: tuple[float, ...]


class Weights(Struct, frozen=True):
    """`Weights` is a logistic regression over named features, and over vectors where there is an encoder. A feature
    without a weight doesn't count."""

    bias: float
    threshold: float
    """From this score on a topic is new. In cross-validation the scores of 98 % of all follow-ups, of the elliptic ones
    and of the Korean ones are below it."""
    weights: Mapping[str, float]
    meaning: MeaningWeights | None = None
    encoder: str = ""
    """The weights of vectors were learned with this encoder, and count with no other."""
    sources: Mapping[str, str] = {}
    """These data sets were learned from, each with its licence."""

    def logit(self, numbers: Mapping[str, float]) -> float:
        """Return the weighted sum of the features. It is 0 where a new topic is as likely as not."""
        weights = self.weights
        return self.bias + sum([weights[name] * number for name, number in numbers.items() if name in weights])


def load_weights(kind: Literal["words", "meaning"]) -> Weights:
    """Load the weights beside this file, as `benchmarks/train_drift.py` wrote them."""
    return json.decode(files(__package__).joinpath(f"{kind}.json").read_bytes(), type=Weights)
