"""This module tells which files a question names."""

import re
from collections.abc import Iterable
from pathlib import PurePath
from unicodedata import normalize

from qa_service.language.stems import JOSA
from qa_service.language.tokens import list_tokens, list_words

_LOOKED_AT = 8_000
_SEPARATOR = re.compile("[_.-]")


def find_named_files(question: str, names: Iterable[str]) -> frozenset[str]:
    """Return those names that stand in the question as they are, with their endings: warranty.pdf."""
    folded = _fold(question)
    return frozenset(name for name in set(names) if PurePath(name).suffix and _stands_in(_fold(name), folded))


def drop_file_names(question: str, names: Iterable[str]) -> str:
    """Return the question without these names and the particles behind them, so that what it asks of them is left."""
    folded = _fold(question)
    for name in sorted(names, key=len, reverse=True):
        folded = re.sub(rf"{re.escape(_fold(name))}(?:{JOSA}(?![가-힣]))?", " ", folded)
    return folded


def find_described_files(question: str, names: Iterable[str]) -> frozenset[str]:
    """Return those names whose words, without the ending, all stand in the question."""
    asked = frozenset(list_tokens(question[:_LOOKED_AT]))
    words = {name: list_words(_SEPARATOR.sub(" ", PurePath(name).stem)) for name in set(names)}
    return frozenset(name for name, found in words.items() if asked.issuperset(found) and any(map(_is_word, found)))


def _fold(text: str) -> str:
    return " ".join(normalize("NFKC", text[:_LOOKED_AT]).split()).casefold()


def _stands_in(name: str, question: str) -> bool:
    return any(not question[: found.start()][-1:].isalnum() for found in re.finditer(re.escape(name), question))


def _is_word(word: str) -> bool:
    return len(word) > 1 and not word.isdigit()
