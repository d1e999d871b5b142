"""This module numbers the items of an ordered list of a web page as a browser does."""

from collections.abc import Mapping, Sequence

from selectolax.lexbor import LexborNode

_LARGEST = 1_000_000
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_ONES = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MOST_ROMAN = 3_999
_LETTERS = 26


class ItemNumbers:
    """An `ItemNumbers` has the number of the next item of one list. It is made where the list begins."""

    def __init__(self, ordered: LexborNode) -> None:
        attributes = ordered.attributes
        self._kind = attributes.get("type") or "1"
        self._step = -1 if "reversed" in attributes else 1
        last = sum(child.tag == "li" for child in ordered.iter()) if self._step < 0 else 1
        self._next = _read_number(attributes.get("start"), last)

    def number_item(self, attributes: Mapping[str, str | None]) -> str:
        """Return the sign before this item, for example `7. `."""
        number = _read_number(attributes.get("value"), self._next)
        self._next = number + self._step
        return f"{_write_number(number, attributes.get('type') or self._kind)}. "


def _read_number(written: str | None, default: int) -> int:
    digits = (written or "").strip()
    is_number = digits.removeprefix("-").isdecimal() and len(digits) <= len(str(_LARGEST))
    return int(digits) if is_number else default


def _write_number(number: int, kind: str) -> str:
    if kind in "aA" and number > 0:
        return _match_case(_write_letters(number), kind)
    if kind in "iI" and 0 < number <= _MOST_ROMAN:
        return _match_case(_write_roman(number, (*_ROMAN, *_ROMAN_ONES)), kind)
    return str(number)


def _match_case(number: str, kind: str) -> str:
    return number.upper() if kind.isupper() else number


def _write_letters(number: int) -> str:
    letters = ""
    while number:
        number, letter = divmod(number - 1, _LETTERS)
        letters = chr(ord("a") + letter) + letters
    return letters


def _write_roman(number: int, signs: Sequence[tuple[int, str]]) -> str:
    written = ""
    for value, sign in signs:
        count, number = divmod(number, value)
        written += sign * count
    return written
