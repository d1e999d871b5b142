"""This module indexes passages by their words, and scores them by BM25.

What depends on a passage alone is computed when its file is read. So a question costs only the time to add up the
postings of its own words. At most about `POSTINGS` of them are read: where its words have more, only the rarest words
count.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from qa_service.language.tokens import list_tokens
from qa_service.pause import LongWork
from qa_service.search_interfaces import IMPACT_BITS, Postings, Ranking

# These are the usual values for the two parameters of BM25: how soon more of the same word counts no more, and how much
# a long passage loses.
K1 = 1.2
B = 0.75
USUAL_LENGTH = 325
"""A usual passage has this many tokens. The length of a passage is compared with this number and not with an average,
so that the passages of all files are weighed in the same way, and stay so whatever other passages come and go."""
SCALE = 1000
POSTINGS = 50_000
"""About this many postings are read for one question at most, which takes some ten milliseconds. Rarer words come
first, since they say more."""
ADDED_AT_ONCE = 4096
"""This many postings are added up without a pause, which takes about two milliseconds."""
IMPACT_MASK = (1 << IMPACT_BITS) - 1


class WordScores(Struct, frozen=True):
    """A `WordScores` says how well passages fit a question by its words. It has those that have one of the words."""

    lexical: Mapping[int, float]
    """This maps a passage's number to its score by BM25."""
    held: Mapping[int, float]
    """This maps a passage's number to the summed weight of the question's words that it has."""
    every: float
    """This is the summed weight of all the question's words."""

    def coverage_of(self, number: int) -> float:
        """Return which part of the question's words a passage has, as `Candidate.coverage`."""
        return self.held.get(number, 0.0) / self.every


def build_index(passages: Sequence[str], first: int = 0) -> dict[str, list[int]]:
    """Make an index: from each word to a list [passage, impact, passage, impact, …]. The passages are numbered from
    `first`.

    The impact is the weight of the word in the passage, as `weigh_words` gives it, in thousandths.
    """
    index: dict[str, list[int]] = defaultdict(list)
    for number, passage in enumerate(passages, first):
        for word, weight in weigh_words(passage).items():
            index[word] += (number, round(SCALE * weight))
    return index


def weigh_words(text: str) -> dict[str, float]:
    """Return, for each word of a text, the factor in BM25 that depends on the text alone: on how often the word stands
    there, and on the text's length."""
    counts = Counter(list_tokens(text))
    norm = K1 * (1 - B + B * counts.total() / USUAL_LENGTH)
    return {word: count * (K1 + 1) / (count + norm) for word, count in counts.items()}


def weigh_rarity(passages: int, frequency: int) -> float:
    """Return the factor in BM25 that says how rare a word is, which stands in `frequency` of this many passages."""
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


def score_words(weights: Mapping[str, float], ranking: Ranking, turn_seconds: float) -> WordScores:
    """Score all passages that have one of the weighted words. After `turn_seconds` of work this gives way to the other
    answers of the worker."""
    rare = {word: weight * _weigh_word(word, ranking) for word, weight in weights.items()}
    lexical: dict[int, float] = defaultdict(float)
    held: dict[int, float] = defaultdict(float)
    work = LongWork(turn_seconds)
    for word, part in _list_postings(ranking):
        for posting in part.packed:
            number = part.first + (posting >> IMPACT_BITS)
            lexical[number] += rare[word] * (posting & IMPACT_MASK) / SCALE
            held[number] += rare[word]
        work.end_step()
    return WordScores(lexical, held, sum(rare.values()) or 1.0)


def _list_postings(ranking: Ranking) -> Iterator[tuple[str, Postings]]:
    """Yield each word with the places where it stands, at most `ADDED_AT_ONCE` of them at a time."""
    for word, parts in ranking.postings.items():
        for part in parts:
            for start in range(0, len(part.packed), ADDED_AT_ONCE):
                yield word, Postings(part.first, part.packed[start : start + ADDED_AT_ONCE])


def _weigh_word(word: str, ranking: Ranking) -> float:
    return weigh_rarity(ranking.passages, ranking.frequencies.get(word, 0))
