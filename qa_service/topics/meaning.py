"""This module compares the meaning of a question with that of the conversation before it, by the vectors of an encoder.

It needs numpy, which the extra `semantic` brings.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from qa_service.language.excerpts import keep_ends
from qa_service.model import Exchange, Meaning
from qa_service.pause import LongWork, give_way
from qa_service.search_interfaces import Encoder
from qa_service.topics.features import compute_features
from qa_service.topics.scoring import Likeness
from qa_service.topics.weights import MeaningWeights, Weights

Vector: TypeAlias = NDArray[np.float32]
Recall: TypeAlias = Callable[[str, str], Meaning]
"""Such a function gives the vectors of a question and its answer."""

RECENT_QUESTIONS = 4
"""The last four questions, and the last three answers, are compared."""
_QUESTION, _ANSWER = 400, 300
"""At most this many characters of a question, and from the beginning of an answer, become a vector. Encoding them takes
a worker some milliseconds at most."""
_ENCODING_SECONDS = 0.0005
"""Encoding a text takes longer than this, and remembering its vector doesn't."""
_KEPT = 256
"""Some turns hold no vectors. The vectors of this many of their exchanges are remembered."""
_FADING = 0.5
"""Each exchange counts half as much as the one after it."""


class Comparison(Struct, frozen=True):
    """A `Comparison` holds the vectors of a question, of the conversation before it and of the last answer."""

    question: Vector
    context: Vector
    answer: Vector
    questions: tuple[Vector, ...]
    """These are the vectors of the latest questions, oldest first."""
    answers: tuple[Vector, ...]

    def numbers(self) -> dict[str, float]:
        """Return the features by name. All of them are between -2 and 2."""
        asked = [float(self.question @ vector) for vector in self.questions]
        told = [float(self.question @ vector) for vector in self.answers]
        steps = [float(one @ other) for one, other in zip(self.questions, self.questions[1:], strict=False)]
        last, answer = asked[-1], told[-1] if told else 0.0
        answered = float(self.questions[-1] @ self.answer)
        return {
            "near last question": last,
            "near a question": max(asked),
            "near questions": sum(asked) / len(asked),
            "near last answer": answer,
            "near an answer": max(told, default=0.0),
            "near anything": max(asked + told),
            "near context": float(self.question @ self.context),
            "near last exchange": max(last, answer),
            "last step": steps[-1] if steps else 0.0,
            "longest step": min(steps, default=0.0),
            "nearer than last step": last - steps[-1] if steps else 0.0,
            "answer near its question": answered,
            "nearer than answer": max(last, answer) - answered if told else 0.0,
            "has steps": bool(steps),
            "has answers": bool(told),
        }


class MeaningScorer:
    """A `MeaningScorer` compares a question with a conversation by their words and by their meaning."""

    def __init__(self, weights: Weights, learned: MeaningWeights, encoder: Encoder) -> None:
        """`learned` are the weights of vectors, which were learned with this encoder."""
        columns = (learned.question, learned.context, learned.answer)
        self._question, self._context, self._answer = (np.array(column, np.float32) for column in columns)
        self._weights = weights
        self._encoder = encoder
        self._recall = lru_cache(_KEPT)(partial(recall_meaning, encoder))

    def __call__(self, question: str, context: Sequence[Exchange]) -> Likeness:
        """Score a question against the exchanges before it, of which there is at least one."""
        compared = compare_meaning(self._encoder, question, context, self._recall)
        numbers = compute_features(question, context) | compared.numbers()
        columns = self._question + compared.context * self._context + compared.answer * self._answer
        return Likeness(numbers, self._weights.logit(numbers) + float(compared.question @ columns))


def recall_meaning(encoder: Encoder, question: str, text: str) -> Meaning:
    """Encode a finished exchange, so that later questions are compared with it without encoding it again.

    Other requests have their turn first, so that what was said last goes out at once, and again before the answer if
    encoding the question took long. It doesn't where the encoder remembers the question since its topic was judged.
    """
    answer = text[:_ANSWER].strip()
    give_way()
    work = LongWork(_ENCODING_SECONDS)
    asked = encoder.encode_texts([shorten_question(question)])[0]
    if answer:
        work.end_step()
    return Meaning(encoder.name, asked, encoder.encode_texts([answer])[0] if answer else b"")


def shorten_question(question: str) -> str:
    """Return the question as it is encoded: its beginning and its end, where it is long."""
    return keep_ends(question, _QUESTION)


def compare_meaning(
    encoder: Encoder, question: str, context: Sequence[Exchange], recall: Recall | None = None
) -> Comparison:
    """Compare a question with the exchanges before it, of which there is at least one. `recall` gives the vectors of
    exchanges that this encoder hasn't seen. Without it they are encoded now, with pauses in between."""
    recent = context[-RECENT_QUESTIONS:]
    meanings = list(_recall_all(encoder, recent, recall or partial(recall_meaning, encoder)))
    asked = read_vector(encoder.encode_texts([shorten_question(question)])[0])
    questions = tuple(read_vector(meaning.question) for meaning in meanings)
    answers = tuple(read_vector(meaning.answer) for meaning in meanings[1 - RECENT_QUESTIONS :] if meaning.answer)
    answer = read_vector(meanings[-1].answer) if meanings[-1].answer else np.zeros_like(asked)
    return Comparison(asked, _sum_up(questions, answer), answer, questions, answers)


def read_vector(vector: bytes) -> Vector:
    """Decode a vector of an `Encoder`."""
    return np.frombuffer(vector, "<f2").astype(np.float32)


def _recall_all(encoder: Encoder, recent: Sequence[Exchange], recall: Recall) -> Iterator[Meaning]:
    for exchange in recent:
        if exchange.meaning and exchange.meaning.encoder == encoder.name:
            yield exchange.meaning
        else:
            yield recall(shorten_question(exchange.question), exchange.text[:_ANSWER])


def _sum_up(questions: Sequence[Vector], answer: Vector) -> Vector:
    weights = [_FADING**age for age in range(len(questions))][::-1]
    total = sum((weight * vector for weight, vector in zip(weights, questions, strict=True)), 0.5 * answer)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length else total, np.float32)
