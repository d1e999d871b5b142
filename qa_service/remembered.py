"""This module lets a function of a text remember its results, because each question sends the turns before it again."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

KEPT, LONGEST = 1_024, 4_000
"""This many texts are remembered, and none with more characters than these. They take 16 MB at most."""

Result = TypeVar("Result")


def remember_texts(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Return a function that gives what this one gives, and that remembers the results for the texts that came last."""
    remember = lru_cache(KEPT)(function)

    def call(text: str) -> Result:
        return remember(text) if len(text) <= LONGEST else function(text)

    return call
