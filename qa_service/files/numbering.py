"""This module numbers the items of an ordered list of a web page as a browser does."""

from collections.abc import Mapping

from selectolax.lexbor import LexborNode

from qa_service.files.ordinals import write_ordinal

_LARGEST = 1_000_000
_ROMAN = {"i": "lowerRoman", "I": "upperRoman"}
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
    if kind in ("a", "A") and number > 0:
        return _write_letters(number, kind)
    return write_ordinal(number, _ROMAN.get(kind, "decimal"))


def _write_letters(number: int, first: str) -> str:
    """Write a number as a, b, …, z, aa, ab, …, or in capitals where `first` is one. Word goes on with bb behind aa."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, _LETTERS)
        letters = chr(ord(first) + letter) + letters
    return letters
