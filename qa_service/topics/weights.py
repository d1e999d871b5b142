"""What the detector has learned: one weight a feature, and from which score on it calls a topic new."""

from collections.abc import Mapping
from importlib.resources import files
from math import exp

from msgspec import Struct, json


class Weights(Struct, frozen=True):
    """A logistic regression over `features`; features without a weight count nothing."""

    bias: float
    threshold: float
    """The score that keeps at least 97.5 % of follow-ups, and of elliptic ones, cross-validated."""
    weights: Mapping[str, float]

    def score(self, numbers: Mapping[str, float]) -> float:
        """How sure it is that a new topic began, in 0..1."""
        weights = self.weights
        logit = self.bias + sum([weights[name] * number for name, number in numbers.items() if name in weights])
        return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


def load_weights() -> Weights:
    """The weights beside this file, as `benchmarks/train_drift.py` wrote them."""
    return json.decode(files(__package__).joinpath("weights.json").read_bytes(), type=Weights)
