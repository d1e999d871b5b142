"""What the detector has learned: a weight for each feature, and the score from which on a topic counts as new."""

from collections.abc import Mapping
from importlib.resources import files
from math import exp

from msgspec import Struct, json


class Weights(Struct, frozen=True):
    """A logistic regression over the numbers of `compute_features`. A feature without a weight counts nothing."""

    bias: float
    threshold: float
    """The score that keeps at least 97.5 % of all follow-ups, and of the elliptic ones, in cross-validation."""
    weights: Mapping[str, float]

    def score(self, numbers: Mapping[str, float]) -> float:
        """How sure it is, between 0 and 1, that a new topic has begun."""
        weights = self.weights
        logit = self.bias + sum([weights[name] * number for name, number in numbers.items() if name in weights])
        return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


def load_weights() -> Weights:
    """The weights beside this file, as `benchmarks/train_drift.py` wrote them."""
    return json.decode(files(__package__).joinpath("weights.json").read_bytes(), type=Weights)
