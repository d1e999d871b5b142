"""This module indexes passages by their words, and ranks them by BM25.

What depends on a passage alone is computed when its file is read. So a question costs only the time to add up the
postings of its own words. At most about `POSTINGS` of them are read: where its words have more, only the rarest words
count.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from qa_service.interfaces import IMPACT_BITS, Index, Ranking
from qa_service.language.tokens import list_tokens
from qa_service.model import Passage
from qa_service.pause import LongWork

# These are the usual values for the two parameters of BM25: how soon more of the same word counts no more, and how much
# a long passage loses.
K1 = 1.2
B = 0.75
SCALE = 1000
EARLIER_WEIGHT = 0.25
"""A word of an earlier question has this weight, and a word of the new question has 1. Earlier words are needed,
because a follow-up often doesn't name its subject again. With more weight they would count more than those of the new
question."""
EARLIER = 2
"""The words of so many earlier questions count."""
LOOKED_AT = 8_000
"""At most so many characters of a question are searched for words."""
WORDS = 400
"""At most so many tokens of a question are looked up. That is enough for a whole page that somebody has pasted."""
POSTINGS = 50_000
"""About so many postings are read for one question at most, which takes some ten milliseconds. Rarer words come first,
since they say more."""
IMPACT_MASK = (1 << IMPACT_BITS) - 1
TURN_SECONDS = 0.003
"""After so many seconds of ranking, it gives way to the other answers of the worker."""


def build_index(passages: Sequence[str], first: int = 0) -> dict[str, list[int]]:
    """Make an index: from each word to a list [passage, impact, passage, impact, …]. The passages are numbered from
    `first`.

    The impact, in thousandths, is the factor in BM25 that depends on how often the word stands in the passage, and on
    the passage's length compared with the average of these passages.
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
    """`LexicalRetriever` is a `Retriever` that ranks by words and needs no model. It finds at most `limit` passages."""

    def __init__(self, *, limit: int = 60, turn_seconds: float = TURN_SECONDS) -> None:
        self._limit = limit
        self._turn_seconds = turn_seconds

    def find_passages(self, question: str, earlier: Sequence[str], index: Index) -> tuple[Passage, ...]:
        """Find the best passages, best first. If there is room, passages that share no word with the question follow in
        reading order, so that a question about a whole file ("what is this?") gets the file's beginning."""
        weights = _weigh_words(question, earlier)
        ranking = index.look_up_words(weights, POSTINGS)
        scores = _score_passages(weights, ranking, self._turn_seconds)
        ranked = heapq.nsmallest(self._limit, scores, key=lambda number: (-scores[number], number))
        rest = (number for number in range(ranking.passages) if number not in scores)
        return index.load_passages([*ranked, *islice(rest, self._limit - len(ranked))])


def _weigh_words(question: str, earlier: Sequence[str]) -> dict[str, float]:
    weights = dict.fromkeys(_read_words(question), 1.0)
    for previous in earlier[-EARLIER:]:
        for word in _read_words(previous):
            weights.setdefault(word, EARLIER_WEIGHT)
    return weights


def _read_words(question: str) -> list[str]:
    return list_tokens(question[:LOOKED_AT])[:WORDS]


def _score_passages(weights: Mapping[str, float], ranking: Ranking, turn_seconds: float) -> dict[int, float]:
    scores: dict[int, float] = defaultdict(float)
    work = LongWork(turn_seconds)
    for word, parts in ranking.postings.items():
        weight = weights[word] * weigh_rarity(ranking.passages, ranking.frequencies[word])
        for part in parts:
            _add_scores(scores, part.first, part.packed, weight)
            work.end_step()
    return scores


def weigh_rarity(passages: int, frequency: int) -> float:
    """Return the factor in BM25 that says how rare a word is, which stands in `frequency` of so many passages."""
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


def _add_scores(scores: dict[int, float], first: int, packed: Iterable[int], weight: float) -> None:
    for posting in packed:
        scores[first + (posting >> IMPACT_BITS)] += weight * (posting & IMPACT_MASK)
