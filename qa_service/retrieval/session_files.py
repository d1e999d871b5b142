"""This module searches the files of a session, by words and, where there is an encoder, by meaning.

A file is searched by its words as soon as it is read. The vectors of its passages come later. Until then the passages
that fit best by their words are encoded when a question needs them, for a bounded time, and their vectors are kept.
"""

import heapq
from collections.abc import Mapping, Sequence
from itertools import islice

from qa_service.model import Passage
from qa_service.pause import give_way_for
from qa_service.retrieval.encoding import PassageEncoding
from qa_service.retrieval.lexical import POSTINGS, score_words
from qa_service.retrieval.vectors import multiply_vectors
from qa_service.search_interfaces import Candidate, Index, SearchTerms

ENCODED_AT_ONCE = 50
"""This many of the passages that fit best by their words are encoded for a question, where they have no vectors yet."""
_ENCODING_SECONDS = 0.3
"""After this many seconds no more of them are encoded."""
COMPARED = 3_000
"""The vectors of this many passages are compared. Files with more are searched by meaning only where words lead."""
TURN_SECONDS = 0.003
"""After this many seconds of ranking, it gives way to the other answers of the worker."""
NEIGHBOUR = 0.4
NEIGHBOURED = 3
"""The passages before and behind the best three by words count at least for this part of them, since they may belong
together."""


class FileCandidates:
    """A `FileCandidates` is the `CandidateSource` of some files of a session. `encoding` gives passages that have no
    vector yet one."""

    def __init__(
        self, index: Index, encoding: PassageEncoding | None = None, *, turn_seconds: float = TURN_SECONDS
    ) -> None:
        self._index = index
        self._encoding = encoding
        self._turn_seconds = turn_seconds
        self._found: frozenset[int] = frozenset()

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        """Return the best `most` passages of either way of searching, in the order of their numbers."""
        ranking = self._index.look_up_words(terms.weights, POSTINGS)
        words = score_words(terms.weights, ranking, self._turn_seconds)
        lexical = _join_neighbours(words.lexical, ranking.passages)
        dense = self._score_meaning(terms, lexical, ranking.passages) if terms.vector else {}
        numbers = sorted({*_choose_best(lexical, most), *_choose_best(dense, most)})
        self._found = frozenset(numbers)
        return [
            Candidate(passage, lexical.get(n, 0.0), dense.get(n, 0.0), words.coverage_of(n))
            for n, passage in zip(numbers, self._index.load_passages(numbers), strict=True)
            if passage
        ]

    def list_beginning(self, most: int) -> Sequence[Passage]:
        """Return the first passages in reading order, without those that the last search has found."""
        passages = self._index.look_up_words((), 0).passages
        numbers = list(islice((number for number in range(passages) if number not in self._found), most))
        return [passage for passage in self._index.load_passages(numbers) if passage]

    def _score_meaning(self, terms: SearchTerms, lexical: Mapping[int, float], passages: int) -> dict[int, float]:
        """Compare the passages' meaning with the question's. Those that are compared and have no vector yet get one
        later, and no others, because files may have a hundred thousand passages."""
        encoding = self._encoding
        if encoding is None:
            return {}
        best = _choose_best(lexical, ENCODED_AT_ONCE)
        compared = range(passages) if passages <= COMPARED else sorted(_choose_best(lexical, COMPARED))
        loaded = self._index.load_vectors(encoding.name, compared)
        known = {number: vector for number, vector in zip(compared, loaded, strict=True) if vector}
        needed = [number for number in best if number not in known]
        known |= encoding.encode_now(self._index, needed, _ENCODING_SECONDS) if needed else {}
        encoding.encode_later(self._index, (number for number in compared if number not in known))
        return multiply_vectors(terms.vector, known)


def _choose_best(scores: Mapping[int, float], most: int) -> list[int]:
    """Return the numbers of the passages with the highest scores, best first, and of equal ones the first passages.

    Only those that are chosen are sorted, since a word may stand in all passages of endless files.
    """
    give_way_for(len(scores))
    least = min(heapq.nlargest(most, scores.values()), default=0.0)
    above = [number for number, score in scores.items() if score > least]
    level = heapq.nsmallest(most - len(above), (number for number, score in scores.items() if score == least))
    return [*sorted(above, key=lambda number: (-scores[number], number)), *level]


def _join_neighbours(scores: Mapping[int, float], passages: int) -> dict[int, float]:
    """Let the passages beside the best ones have at least a part of their score."""
    joined = dict(scores)
    for best in _choose_best(scores, NEIGHBOURED):
        for beside in (best - 1, best + 1):
            if 0 <= beside < passages:
                joined[beside] = max(joined.get(beside, 0.0), scores[best] * NEIGHBOUR)
    return joined
