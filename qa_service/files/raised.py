"""This module writes raised and lowered numbers in signs of their own, so that they don't become a part of the number
or the word before them."""

import re

_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_NUMBER = re.compile(r"\s*[0-9+\-−=(),]{1,12}\s*")
_LETTER = re.compile(r"\s*[ni]\s*")


def raise_digits(text: str) -> str:
    """Return a raised number, or n or i, in raised signs. Another text, such as the st of 1st, stays as it is."""
    return text.strip().translate(_RAISED) if _NUMBER.fullmatch(text) or _LETTER.fullmatch(text) else text


def lower_digits(text: str) -> str:
    """Return a lowered number in lowered signs. Another text stays as it is."""
    return text.strip().translate(_LOWERED) if _NUMBER.fullmatch(text) else text
