"""BM25 over tokens that work for Korean and for spaced languages: indexing, and ranking by the index.

What depends on a passage alone is computed when its file is read, so a question costs the postings of its own words
and nothing else, however long the file is. How many words and postings are looked at is bounded.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import accumulate
from typing import TypeAlias

from qa_service.interfaces import Index, Ranking
from qa_service.language.tokens import list_tokens
from qa_service.model import Passage

Postings: TypeAlias = Sequence[tuple[int, int]]

K1 = 1.2
B = 0.75
SCALE = 1000
EARLIER_WEIGHT = 0.25
"""What a word of an earlier question counts. Follow-ups name their subject once; more would drown the new question."""
EARLIER = 2
LOOKED_AT = 8_000
"""Characters of a question that are read for words."""
WORDS = 400
"""The most words of a question that are looked up; a pasted page needs no more to be found."""
POSTINGS = 150_000
"""The most postings that are weighed, those of rare words first; so many take twenty milliseconds."""


def index_of(passages: Sequence[str], first: int = 0) -> dict[str, list[int]]:
    """Word → [passage, impact, passage, impact, …], passages numbered from `first`.

    Impact is BM25's share of the word's frequency and the passage's length among these passages, in thousandths.
    """
    counted = [Counter(list_tokens(passage)) for passage in passages]
    lengths = [counts.total() for counts in counted]
    average = sum(lengths) / len(lengths) if any(lengths) else 1.0
    index: dict[str, list[int]] = defaultdict(list)
    for number, (counts, length) in enumerate(zip(counted, lengths, strict=True), first):
        norm = K1 * (1 - B + B * length / average)
        for word, count in counts.items():
            index[word] += (number, round(SCALE * count * (K1 + 1) / (count + norm)))
    return index


class LexicalRetriever:
    """A `Retriever` that ranks by words and needs no model."""

    def __init__(self, *, limit: int = 60) -> None:
        self._limit = limit

    def find(self, question: str, earlier: Sequence[str], index: Index) -> tuple[Passage, ...]:
        """The passages by rank. Those that share no word follow in reading order, so that a question about the whole
        ("what is this?") still gets its beginning."""
        weights = _weights(question, earlier)
        ranking = index.look_up(weights)
        scores = _scores(weights, ranking)
        ranked = nsmallest(self._limit, scores, key=lambda number: (-scores[number], number))
        rest = (number for number in range(ranking.passages) if number not in scores)
        return index.passages([*ranked, *_first(rest, self._limit)][: self._limit])


def _first(numbers: Iterator[int], most: int) -> list[int]:
    return [number for number, _ in zip(numbers, range(most), strict=False)]


def _weights(question: str, earlier: Sequence[str]) -> dict[str, float]:
    weights = dict.fromkeys(_read_words(question), 1.0)
    for previous in earlier[-EARLIER:]:
        for word in _read_words(previous):
            weights.setdefault(word, EARLIER_WEIGHT)
    return weights


def _read_words(question: str) -> list[str]:
    return list_tokens(question[:LOOKED_AT])[:WORDS]


def _scores(weights: dict[str, float], ranking: Ranking) -> dict[int, float]:
    scores: dict[int, float] = defaultdict(float)
    for word, postings in _affordable(ranking.postings):
        idf = math.log(1 + (ranking.passages - len(postings) + 0.5) / (len(postings) + 0.5))
        for number, impact in postings:
            scores[number] += weights[word] * idf * impact
    return scores


def _affordable(postings: Mapping[str, Postings]) -> Iterable[tuple[str, Postings]]:
    """The words with their postings. Where there are too many, those of the most frequent words, which say the least,
    are left out."""
    if sum(map(len, postings.values())) <= POSTINGS:
        return postings.items()
    ordered = sorted(postings.items(), key=lambda entry: len(entry[1]))
    ends = accumulate(len(found) for _, found in ordered)
    return [entry for entry, end in zip(ordered, ends, strict=True) if end <= POSTINGS]
