"""This module writes the numbers of the lists and the headings of OpenDocument."""

from qa_service.files.opendocument_text import find_elements, read_attribute
from qa_service.files.ordinals import write_ordinal
from qa_service.files.package import Element, local_name

_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "": "none", "1": "decimal"}
_KOREAN_FORMS = {"가": "ganada", "ㄱ": "chosung", "①": "decimalEnclosedCircle", "일": "koreanCounting"}
_NUMBERED = frozenset({"list-level-style-number", "outline-level-style"})
_MOST_LEVELS, _LEVEL_DIGITS = 10, 2
_OUTLINE = "\0outline"
"""The headings of a document are numbered as one list, whose style has no name that another one could have."""


class ListStyles:
    """A `ListStyles` knows how the lists of one document are numbered, and counts its headings. `roots` are the parts
    of the document, the most general one first."""

    def __init__(self, *roots: Element | None) -> None:
        self._lists = {
            read_attribute(style, "name", "style"): style
            for root in roots
            for style in find_elements(root, "list-style", "text")
        }
        for root in roots:
            for style in find_elements(root, "outline-style", "text"):
                self._lists[_OUTLINE] = style
        self._headings: list[int] = []

    def find_start(self, style: str, depth: int) -> int:
        """Return the first number of a level, which is counted from 0."""
        level = self._find_level(style, depth)
        start = "" if level is None else read_attribute(level, "start-value", "text")
        return int(start) if start.isdecimal() else 1

    def write_number(self, style: str, counts: list[int]) -> str:
        """Return the number or the bullet of an item. `counts` has the numbers of its level and those above."""
        depth = len(counts) - 1
        level = self._find_level(style, depth)
        if level is None or local_name(level) not in _NUMBERED:
            return "•"
        shown = read_attribute(level, "display-levels", "text")
        first = max(0, depth + 1 - (int(shown) if shown.isdecimal() else 1))
        parts = [write_ordinal(counts[n], self._find_form(style, n)) for n in range(first, depth + 1)]
        number = ".".join(filter(None, parts)) if parts and parts[-1] else ""
        affixes = (read_attribute(level, f"num-{end}", "style") for end in ("prefix", "suffix"))
        return number.join(affixes) if number else ""

    def number_heading(self, heading: Element) -> str:
        """Count a heading, and return its number. It is empty where headings have none, or this one hasn't. A heading
        in a list has the list's number instead."""
        level = read_attribute(heading, "outline-level", "text")
        depth = int(level) - 1 if level.isdecimal() and len(level) <= _LEVEL_DIGITS else -1
        is_counted = read_attribute(heading, "is-list-header", "text") != "true"
        if _OUTLINE not in self._lists or not is_counted or not 0 <= depth < _MOST_LEVELS:
            return ""
        counts = self._headings
        while len(counts) <= depth:
            counts.append(self.find_start(_OUTLINE, len(counts)) - (len(counts) == depth))
        counts[depth] += 1
        del counts[depth + 1 :]
        return "" if self._find_level(_OUTLINE, depth) is None else self.write_number(_OUTLINE, counts)

    def _find_level(self, style: str, depth: int) -> Element | None:
        levels = self._lists.get(style)
        found = () if levels is None else levels
        return next((level for level in found if read_attribute(level, "level", "text") == str(depth + 1)), None)

    def _find_form(self, style: str, depth: int) -> str:
        level = self._find_level(style, depth)
        written = "1" if level is None else read_attribute(level, "num-format", "style")
        return _FORMS.get(written) or _KOREAN_FORMS.get(written[:1], "decimal")
