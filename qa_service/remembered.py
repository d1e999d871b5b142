"""This module lets a function of a text remember its results, because each question sends the turns before it again."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

_KEPT, LONGEST_REMEMBERED = 1_024, 4_000
"""This many texts are remembered, and none with more characters than these. They take 16 MB at most."""

T = TypeVar("T")


def remember_texts(function: Callable[[str], T]) -> Callable[[str], T]:
    """Return a function that gives what this one gives, and that remembers the results for the texts that came last."""
    remember = lru_cache(_KEPT)(function)

    def call(text: str) -> T:
        return remember(text) if len(text) <= LONGEST_REMEMBERED else function(text)

    return call
