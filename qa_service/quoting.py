"""This module finds the claim in an answer that a citation closes, and the sentence of a passage that supports it."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TypeAlias

from qa_service.language.sentences import split_sentences
from qa_service.language.tokens import list_tokens, list_words
from qa_service.markers import MARKER

LONGEST_QUOTE = 300
LONGEST_CLAIM = 1_000
"""A claim has at most this many characters. What stands before them isn't compared with the passage."""
_WORD = re.compile(r"\w")
# The signs of lists, quotations and headings in Markdown are no part of the sentence behind them.
_LINE_SIGNS = re.compile(r"\s*+(?:(?:[-*+•>]|#{1,6}|\d{1,3}[.)])\s++)*+")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])(?:-|\xad|\u2010)[ \t]*+\n[ \t]*+(?=[^\W\d_])|\xad")

ClaimPlace: TypeAlias = tuple[int, int]
"""This is where a claim begins, and where it ends."""


class Claims:
    """A `Claims` finds the claims of one answer."""

    def __init__(self, text: str, prose: str) -> None:
        """`prose` is the text with spaces in place of its code."""
        self._text = text
        self._prose = prose

    def find_claim(self, at: int) -> ClaimPlace:
        """Find the sentence that the marker at this place closes. Where the marker begins a sentence, that is what
        follows there. The marker itself isn't part of it."""
        start, end = self._find_sentence(at)
        before = self._trim(max(start, at - LONGEST_CLAIM), at)
        if _WORD.search(self._unmarked, *before):
            return before
        return self._trim(at, min(end, at + LONGEST_CLAIM))

    def find_claim_before(self, at: int) -> ClaimPlace:
        """Find the sentence that ends before this place, where nothing in the text shows that it is cited. The place is
        empty where no sentence stands before."""
        first = max(0, at - LONGEST_CLAIM)
        end = first + len(self._unmarked[first:at].rstrip())
        start, _ = self._find_sentence(max(0, end - 1))
        return self._trim(max(start, first), end)

    def list_sentences(self) -> Iterator[ClaimPlace]:
        """Give the places of all sentences that have words, without the signs of lists around them."""
        for start, end in pairwise([*self._starts, len(self._prose)]):
            place = self._trim(start, end)
            if _WORD.search(self._unmarked, *place):
                yield place

    def read_claim(self, place: ClaimPlace) -> str:
        """Return the words of a claim. Where it has markers itself, those words count that follow the last one."""
        parts = MARKER.split(self._prose[slice(*place)])
        return next((part for part in reversed(parts) if _WORD.search(part)), "")

    def _find_sentence(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._starts, at) - 1
        return self._starts[index], self._starts[index + 1] if index + 1 < len(self._starts) else len(self._prose)

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        begins = _LINE_SIGNS.match(self._unmarked, start, end)
        first = begins.end() if begins else start
        return first, max(first, start + len(self._unmarked[start:end].rstrip()))

    @cached_property
    def _unmarked(self) -> str:
        """Return the text with spaces in place of its markers."""
        kept, at = list[str](), 0
        for marker in MARKER.finditer(self._prose):
            kept += [self._text[at : marker.start()], " " * len(marker[0])]
            at = marker.end()
        return "".join([*kept, self._text[at:]])

    @cached_property
    def _starts(self) -> list[int]:
        """Return the places where sentences begin. Each line begins one too, because few answers have lines that end by
        themselves."""
        plain = MARKER.sub(lambda marker: " " * len(marker[0]), self._prose)
        sentences = accumulate(map(len, split_sentences(plain)), initial=0)
        lines = (line.end() for line in re.finditer("\n", self._prose))
        return sorted({*sentences, *lines} - {len(self._prose)} | {0})


class Quotable:
    """A `Quotable` is a passage from which the answer quotes."""

    def __init__(self, passage: str) -> None:
        sentences = [sentence.strip() for sentence in split_sentences(passage)]
        self._words = {sentence: frozenset(list_words(_join_lines(sentence))) for sentence in sentences if sentence}

    def choose_quote(self, claim: str) -> str:
        """Choose the sentence that has most words in common with the claim. Where that leaves several, the parts of
        words decide, since Korean compounds are written together or apart.

        Words are compared in one form, whether they are hyphenated at the end of a line, decomposed or full-width. The
        quote itself is what stands in the passage."""
        wanted = frozenset(list_words(claim))
        scores = {sentence: _measure_overlap(wanted, said) for sentence, said in self._words.items()}
        best = max(scores.values(), default=0.0)
        closest = [sentence for sentence, score in scores.items() if score == best]
        chosen = _choose_by_parts(closest, claim) if len(closest) > 1 else "".join(closest)
        return chosen[:LONGEST_QUOTE].rstrip()


def _join_lines(sentence: str) -> str:
    """Return the sentence with those words whole that were hyphenated at the end of a line."""
    return _HYPHENATED.sub("", sentence)


def _choose_by_parts(sentences: list[str], claim: str) -> str:
    wanted = frozenset(list_tokens(claim))
    return max(sentences, key=lambda one: _measure_overlap(wanted, frozenset(list_tokens(_join_lines(one)))))


def _measure_overlap(wanted: frozenset[str], said: frozenset[str]) -> float:
    return len(wanted & said) / (len(said) + 5) if said else 0.0
