"""This module offers the shipped drift detector to scorers, which give a history of messages and a question.

With the extra `semantic` it compares meanings. `QA_SEMANTIC` isn't read here.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from qa_service.errors import EncoderMissing
from qa_service.language.encoder import load_encoder
from qa_service.model import Exchange, Session
from qa_service.topics.choosing import choose_detector
from qa_service.topics.detector import LearnedDrift


def score(history: Sequence[Mapping[str, str]], question: str) -> float:
    """Return how sure the detector is, from 0 to 1, that the question begins a new topic."""
    return _load_detector().judge_topic(question, session_of(history), {}).score


@cache
def _load_detector() -> LearnedDrift:
    try:
        return choose_detector(load_encoder())
    except EncoderMissing:
        return choose_detector(None)


def drifted(history: Sequence[Mapping[str, str]], question: str) -> bool:
    """Return the detector's decision at its own threshold."""
    return _load_detector().judge_topic(question, session_of(history), {}).drifted


def session_of(history: Sequence[Mapping[str, str]]) -> Session:
    """Make a session whose current topic is this history of `{role, text}`. Answers may be missing."""
    exchanges: list[Exchange] = []
    for message in history:
        if message["role"] == "user":
            exchanges.append(Exchange(message["text"], ""))
        elif exchanges and not exchanges[-1].text:
            exchanges[-1] = Exchange(exchanges[-1].question, message["text"])
        else:
            exchanges.append(Exchange("", message["text"]))
    return Session("benchmark", topic=1, context=tuple(exchanges))
