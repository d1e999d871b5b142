"""This module chooses what compares questions, for the encoder that there is, and says what was chosen.

`meaning` is imported only where there is an encoder, because it needs numpy.
"""

from collections.abc import Callable
from functools import partial

from qa_service.interfaces import DriftDetector
from qa_service.language.encoder import SEMANTIC_EXTRA
from qa_service.model import Meaning
from qa_service.search_interfaces import Encoder
from qa_service.topics.detector import KeepTopic, LearnedDrift
from qa_service.topics.weights import load_weights


def choose_detector(encoder: Encoder | None) -> LearnedDrift:
    """Return the detector that compares meanings where its weights were learned with this encoder, and else the one
    that compares words alone."""
    weights = load_weights("meaning")
    if encoder is None or weights.meaning is None or encoder.name != weights.encoder:
        return LearnedDrift()
    from qa_service.topics.meaning import MeaningScorer

    return LearnedDrift(weights, MeaningScorer(weights, weights.meaning, encoder))


def choose_memory(encoder: Encoder | None) -> Callable[[str, str], Meaning | None]:
    """Return the function that encodes a question and its answer when the turn is finished. Without an encoder it
    returns None."""
    if encoder is None:
        return lambda question, text: None
    from qa_service.topics.meaning import recall_meaning

    return partial(recall_meaning, encoder)


def describe_detector(detector: DriftDetector) -> str:
    """Say how topics are decided, in words for operators."""
    match detector:
        case KeepTopic():
            return "off: only topic=new begins one"
        case LearnedDrift(encoder=""):
            return f"compared by words alone; the extra {SEMANTIC_EXTRA} compares meaning too"
        case LearnedDrift(encoder=encoder):
            return f"compared by words and meaning ({encoder})"
        case _:
            return "decided by this site's own detector"
