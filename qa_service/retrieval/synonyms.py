"""This module reads a site's synonyms. Each line of their file lists words that mean the same, with commas between
them: `환불, 반품, refund`. A line that begins with `#` is a comment."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from qa_service.language.tokens import list_tokens

SYNONYM_WEIGHT = 0.5
"""A token of a synonym has this part of the weight of the word in the question."""
MOST_GROUPS = 10_000
"""At most this many lines of the file count."""

_Phrase: TypeAlias = frozenset[str]
"""A `_Phrase` has the tokens of a word, or of several words that belong together."""


class Synonyms:
    """A `Synonyms` knows groups of words and phrases that mean the same."""

    def __init__(self, text: str = "") -> None:
        self._groups = [phrases for line in text.splitlines() if len(phrases := _read_line(line)) > 1][:MOST_GROUPS]
        self._by_token: dict[str, list[int]] = {}
        for number, phrases in enumerate(self._groups):
            for token in frozenset().union(*phrases):
                self._by_token.setdefault(token, []).append(number)

    def add_synonyms(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return the weights of a question's tokens, with those of the synonyms of its words. A phrase counts where all
        of its tokens are there."""
        added: dict[str, float] = {}
        numbers = sorted({number for token in weights for number in self._by_token.get(token, ())})
        for phrases in (self._groups[number] for number in numbers):
            weight = max((min(weights[t] for t in phrase) for phrase in phrases if phrase <= weights.keys()), default=0)
            for token in frozenset().union(*phrases) if weight else ():
                added[token] = max(weight * SYNONYM_WEIGHT, added.get(token, 0))
        return {**added, **weights}


def _read_line(line: str) -> Sequence[_Phrase]:
    if line.lstrip().startswith("#"):
        return ()
    return [phrase for part in line.split(",") if (phrase := frozenset(list_tokens(part)))]
