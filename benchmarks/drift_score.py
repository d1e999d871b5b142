"""This module offers the shipped drift detector to scorers, which give a history of messages and a question."""

from collections.abc import Mapping, Sequence

from qa_service.model import Exchange, Session
from qa_service.topics.detector import LearnedDrift

_DETECTOR = LearnedDrift()


def score(history: Sequence[Mapping[str, str]], question: str) -> float:
    """Return how sure the detector is, from 0 to 1, that the question begins a new topic."""
    return _DETECTOR.judge_topic(question, session_of(history)).score


def drifted(history: Sequence[Mapping[str, str]], question: str) -> bool:
    """Return the detector's decision at its own threshold."""
    return _DETECTOR.judge_topic(question, session_of(history)).drifted


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
