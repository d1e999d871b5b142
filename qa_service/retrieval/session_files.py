"""This module searches the files of a session, by words and, where there is an encoder, by meaning.

A file is searched by its words as soon as it is read. The vectors of its passages come later. Until then the passages
that fit best by their words are encoded when a question needs them, for a bounded time, and their vectors are kept.
"""

import heapq
import time
from collections.abc import Mapping, Sequence
from itertools import islice

from qa_service.interfaces import Candidate, Encoder, Index, SearchTerms
from qa_service.model import Passage
from qa_service.retrieval.describing import describe_passage
from qa_service.retrieval.lexical import POSTINGS, WordScore, score_words
from qa_service.retrieval.vectors import multiply_vectors

ENCODED_AT_ONCE = 50
"""So many of the passages that fit best by their words are encoded for a question, where they have no vectors yet."""
ENCODING_SECONDS = 0.3
"""After so many seconds no more of them are encoded."""
ENCODING_BATCH = 8
COMPARED = 3_000
"""The vectors of so many passages are compared. Files with more are searched by meaning only where words lead."""
TURN_SECONDS = 0.003
"""After so many seconds of ranking, it gives way to the other answers of the worker."""
NEIGHBOUR = 0.4
NEIGHBOURED = 3
"""The passages before and behind the best three by words count at least for this part of them, since they may belong
together."""
NOTHING = WordScore(0.0, 0.0)


class FileCandidates:
    """A `FileCandidates` is the `CandidateSource` of some files of a session. `encoder` encodes passages that have no
    vector yet."""

    def __init__(self, index: Index, encoder: Encoder | None = None, *, turn_seconds: float = TURN_SECONDS) -> None:
        self._index = index
        self._encoder = encoder
        self._turn_seconds = turn_seconds
        self._found: frozenset[int] = frozenset()

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        """Return the best `most` passages of either way of searching, in the order of their numbers."""
        ranking = self._index.look_up_words(terms.weights, POSTINGS)
        words = score_words(terms.weights, ranking, self._turn_seconds)
        lexical = _join_neighbours({number: score.lexical for number, score in words.items()}, ranking.passages)
        dense = self._score_meaning(terms, lexical, ranking.passages) if terms.vector else {}
        numbers = sorted({*_choose_best(lexical, most), *_choose_best(dense, most)})
        self._found = frozenset(numbers)
        return [
            Candidate(passage, lexical.get(n, 0.0), dense.get(n, 0.0), words.get(n, NOTHING).coverage)
            for n, passage in zip(numbers, self._index.load_passages(numbers), strict=True)
            if passage
        ]

    def list_beginning(self, most: int) -> Sequence[Passage]:
        """Return the first passages in reading order, without those that the last search has found."""
        passages = self._index.look_up_words((), 0).passages
        numbers = list(islice((number for number in range(passages) if number not in self._found), most))
        return [passage for passage in self._index.load_passages(numbers) if passage]

    def _score_meaning(self, terms: SearchTerms, lexical: Mapping[int, float], passages: int) -> dict[int, float]:
        encoder = self._encoder
        if encoder is None:
            return {}
        best = _choose_best(lexical, ENCODED_AT_ONCE)
        compared = range(passages) if passages <= COMPARED else sorted(_choose_best(lexical, COMPARED))
        loaded = self._index.load_vectors(encoder.name, compared)
        known = {number: vector for number, vector in zip(compared, loaded, strict=True) if vector}
        missing = [number for number in best if number not in known]
        return multiply_vectors(terms.vector, known | encode_passages(self._index, encoder, missing, ENCODING_SECONDS))


def encode_passages(
    index: Index, encoder: Encoder, numbers: Sequence[int], seconds: float = float("inf")
) -> dict[int, bytes]:
    """Encode the passages with these numbers, keep their vectors, and return them. After so many seconds the rest is
    left out."""
    until, vectors = time.monotonic() + seconds, dict[int, bytes]()
    for first in range(0, len(numbers), ENCODING_BATCH):
        batch = numbers[first : first + ENCODING_BATCH]
        texts = {n: describe_passage(p) for n, p in zip(batch, index.load_passages(batch), strict=True) if p}
        encoded = dict(zip(texts, encoder.encode_texts(list(texts.values())), strict=True)) if texts else {}
        if encoded:
            index.keep_vectors(encoder.name, encoded)
        vectors |= encoded
        if time.monotonic() >= until:
            break
    return vectors


def _choose_best(scores: Mapping[int, float], most: int) -> list[int]:
    return heapq.nsmallest(most, scores, key=lambda number: (-scores[number], number))


def _join_neighbours(scores: Mapping[int, float], passages: int) -> dict[int, float]:
    """Let the passages beside the best ones have at least a part of their score."""
    joined = dict(scores)
    for best in _choose_best(scores, NEIGHBOURED):
        for beside in (best - 1, best + 1):
            if 0 <= beside < passages:
                joined[beside] = max(joined.get(beside, 0.0), scores[best] * NEIGHBOUR)
    return joined
