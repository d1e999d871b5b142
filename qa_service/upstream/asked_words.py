"""This module weighs the words of a question, and measures how much of it a text has."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, pairwise
from typing import TypeAlias

from msgspec import Struct

from qa_service.language.stems import JOSA
from qa_service.language.tokens import list_tokens, list_words
from qa_service.language.usual_words import is_usual

MOST_WORDS = 50
"""At most this many different words of a question are looked for. Each is compared with every sentence, and the 8,000
words that a question can have would keep a worker from everything else for seconds."""
_EARLIER_WEIGHT = 0.25
"""A word of the question before counts for this part of a word of the question."""
ASKING_WEIGHT = 0.4
"""A usual word, which says what is asked for and hardly what it is asked of, counts for this part of another one."""
SAME_WORD = 0.5
"""A Korean word of the question stands in a text in so far as the text has the word's syllable pairs, because compounds
are written together or apart. Less than this part of them is chance."""
RELATED = 0.7
"""A word that has its beginning in common with one of the text counts for this part of a word: assumed, assumption."""
_BEGINNING = 5
_ENDING = 3
"""A beginning is a word without this many letters at its end. It has at least `_BEGINNING` letters."""

# The last word of a Korean question (내나요, 가능한가요, 되죠) only makes it a question, so it isn't looked for. Nor is
# the word before it in 내야 하나요, 늦어도 되나요 and 뭐라고 하나요.
_PREDICATE = re.compile(
    r"(?:(?<=\s)\S+ 수 (?:있|없)\S*+"
    r"|(?<=\s)(?:\S{1,8}[야도면고] (?=[하되돼]))?\S*(?:요|니까|[나까죠해야줘려돼냐]|는가|인가))\W*+$"
)
# These words ask for an amount or a time. A sentence that answers them has the amount in their place.
_AMOUNTS = frozenset(
    ["며칠", "몇일", "얼마", "얼마나", "언제", "안", "안에", "동안", "정도", "나가", "들어", "되", "돼", "걸리", "걸려"]
)


# A number behind a name tells things of one kind apart: 펌프3, Pump 3, unit-3. One that counts something, as in 펌프
# 3대, doesn't.
_NUMBERED = re.compile(
    rf"(?<![^\W\d_])((?:[가-힣]{{2,12}}|[A-Z][A-Za-z]{{0,20}})(?=[ -]?\d)|[a-z]{{1,20}}(?=-?\d))[ -]?(\d{{1,6}})"
    rf"(?![.,]?\d)(?:(?=\W|$)|(?={JOSA}(?![가-힣])))"
)
_Numbered: TypeAlias = frozenset[tuple[str, str]]


class HeldWords(Struct, frozen=True):
    """A `HeldWords` holds the words of a text: its tokens, the beginnings of its longer English words, and the names
    that have a number, each with its number."""

    tokens: frozenset[str]
    beginnings: frozenset[str]
    numbered: _Numbered

    def measure_word(self, word: str) -> float:
        """Return how surely the text has this word, between 0 and 1."""
        if word in self.tokens:
            return 1.0
        if "가" <= word[0] <= "힣":
            pairs = {first + second for first, second in pairwise(word)}
            share = len(pairs & self.tokens) / len(pairs) if len(pairs) > 1 else 0.0
            return share if share >= SAME_WORD else 0.0
        return RELATED if (beginning := _find_beginning(word)) and beginning in self.beginnings else 0.0


class AskedWords(Struct, frozen=True):
    """An `AskedWords` maps each word of a question to its weight, which is more for a rare word, and most where no text
    has the word. `numbered` are the names that have a number, as in `HeldWords`."""

    weights: Mapping[str, float]
    numbered: _Numbered = frozenset()

    def measure_share(self, held: HeldWords, heading: HeldWords | None = None, under: float = 0.0) -> float:
        """Return which part of the question the text has, between 0 and 1. A word that stands only in the text's
        heading counts for `under`. A text about pump 2 has nothing of a question about pump 3."""
        total = sum(self.weights.values())
        if not total or self._names_another(held):
            return 0.0
        return (
            sum(weight * _measure_either(word, held, heading, under) for word, weight in self.weights.items()) / total
        )

    def _names_another(self, held: HeldWords) -> bool:
        kinds = {name for name, _ in held.numbered}
        return any(name in kinds for name, _ in self.numbered) and not self.numbered & held.numbered


def hold_words(text: str) -> HeldWords:
    """Return the words of a text."""
    tokens = frozenset(list_tokens(text))
    return HeldWords(tokens, frozenset(filter(None, map(_find_beginning, tokens))), _read_numbered(text))


def weigh_question(question: str, earlier: str, texts: Sequence[HeldWords]) -> AskedWords:
    """Weigh the words of a question by how few of these texts have them. `earlier` is the question before, which may
    name the subject. "How many days?" has no other subject."""
    own = _read_subject(question) or ([] if earlier else read_asked_words(question))
    weights = {word: ASKING_WEIGHT if is_usual(word) else 1.0 for word in own[:MOST_WORDS]}
    for word in read_asked_words(earlier):
        weights.setdefault(word, _EARLIER_WEIGHT)
    rare = {word: weight * _weigh_rarity(word, texts) for word, weight in weights.items()}
    return AskedWords(rare, _read_numbered(question))


def read_asked_words(question: str) -> list[str]:
    """Read the words that a question looks for, each once."""
    return (_read_subject(question) or list(dict.fromkeys(list_words(question))))[:MOST_WORDS]


def _read_subject(question: str) -> list[str]:
    """Read the words that a question is about, each once. Of a Korean question's last word a noun is kept, as in
    반품되나요."""
    last = _PREDICATE.search(question)
    rest = question[: last.start()] if last else question
    nouns = [
        noun for word in (last[0].split() if last else ()) for noun in list_words(word) if 1 < len(noun) < len(word) - 1
    ]
    return [word for word in dict.fromkeys([*list_words(rest), *nouns]) if word not in _AMOUNTS]


def _read_numbered(text: str) -> _Numbered:
    found = (match.groups() for match in islice(_NUMBERED.finditer(text), MOST_WORDS))
    return frozenset((name.casefold(), number.lstrip("0") or "0") for name, number in found if list_words(name))


def _measure_either(word: str, held: HeldWords, heading: HeldWords | None, under: float) -> float:
    return held.measure_word(word) or (under * heading.measure_word(word) if heading else 0.0)


def _weigh_rarity(word: str, texts: Iterable[HeldWords]) -> float:
    held = [text.measure_word(word) > 0 for text in texts]
    return math.log(1 + (len(held) + 0.5) / (sum(held) + 0.5))


def _find_beginning(word: str) -> str:
    has_ending = len(word) > _BEGINNING and word.isascii() and word.isalpha()
    return word[: max(_BEGINNING, len(word) - _ENDING)] if has_ending else ""
