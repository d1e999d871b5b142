"""This module knows the styles and the automatic numbers of the paragraphs of a DOCX."""

import re
from collections.abc import Iterator, Mapping
from copy import copy

from msgspec import Struct

from qa_service.files.ordinals import write_ordinal
from qa_service.files.package import Element, expand_name

_STYLE, _PROPERTIES, _PARAGRAPH = expand_name("w:style"), expand_name("w:pPr"), expand_name("w:p")
_VALUE, _LEVEL = expand_name("w:val"), expand_name("w:ilvl")
_OUTLINE_PATH = f"{_PROPERTIES}/{expand_name('w:outlineLvl')}"
_NUMBER_PATH = f"{_PROPERTIES}/{expand_name('w:numPr')}"
_RUN, _LOOK = expand_name("w:r"), expand_name("w:rPr")
_MARKS = (expand_name("w:vanish"), expand_name("w:vertAlign"))
_BODY_LEVEL = "9"
_DEEPEST_STYLE = 10
_LEVELS = 9
_PLACE = re.compile(r"%(\d)")
_BULLET = "•"


def read_value(element: Element, path: str, default: str = "") -> str:
    """Return the `w:val` of a descendant, whose path has the names of its ancestors, each as in `w:pPr/w:ilvl`."""
    found = element.find("/".join(map(expand_name, path.split("/"))))
    return default if found is None else found.get(_VALUE) or ""


class WordStyles:
    """A `WordStyles` knows the paragraph styles of one document, and what they inherit from each other."""

    def __init__(self, root: Element | None) -> None:
        found = [] if root is None else root.iterfind(_STYLE)
        self._styles = {style.get(expand_name("w:styleId")): style for style in found}
        self._known_marks: dict[str, Mapping[str, Element]] = {}

    def is_heading(self, paragraph: Element) -> bool:
        """Tell whether a paragraph is a heading, by its level or by its style."""
        return _has_outline_level(paragraph) or any(map(_is_heading_style, self._inherited(paragraph)))

    def find_numbering(self, paragraph: Element) -> tuple[str, str, str]:
        """Return the id of the paragraph's list, its level there, and the style that says so. The level is empty where
        only the style's place in the list tells it. The id is `0` or empty for a paragraph without a number."""
        number, level, by_style = "", "", ""
        for element in (paragraph, *self._inherited(paragraph)):
            properties = element.find(_NUMBER_PATH)
            if properties is None:
                continue
            level = level or read_value(properties, "w:ilvl")
            number = read_value(properties, "w:numId")
            if number:
                by_style = element.get(expand_name("w:styleId")) or ""
                break
        return number, level, by_style

    def apply_looks(self, part: Element) -> None:
        """Write into each run what its style, or that of its paragraph, says of hidden, raised and lowered text."""
        if not any(style.find(f"{_LOOK}/{mark}") is not None for style in self._styles.values() for mark in _MARKS):
            return
        for run in part.iter(_RUN):
            paragraph = next(run.iterancestors(_PARAGRAPH), run)
            marks = self._find_marks(read_value(paragraph, "w:pPr/w:pStyle"))
            marks = {**marks, **self._find_marks(read_value(run, "w:rPr/w:rStyle"))}
            for path, mark in marks.items():
                if run.find(path) is None:
                    _find_look(run).append(copy(mark))

    def _find_marks(self, name: str) -> Mapping[str, Element]:
        """Return what a style says of hidden, raised and lowered text, by the path that leads to it."""
        if name not in self._known_marks:
            paths = [f"{_LOOK}/{mark}" for mark in _MARKS]
            found = [(path, style.find(path)) for style in self._list_styles(name) for path in paths]
            self._known_marks[name] = {path: mark for path, mark in reversed(found) if mark is not None}
        return self._known_marks[name]

    def _inherited(self, paragraph: Element) -> Iterator[Element]:
        return self._list_styles(read_value(paragraph, "w:pPr/w:pStyle"))

    def _list_styles(self, name: str) -> Iterator[Element]:
        """Give a style and those that it inherits from, the nearest first."""
        # The number of steps is bounded, because a hostile file can make a circle.
        for _ in range(_DEEPEST_STYLE):
            style = self._styles.get(name)
            if style is None:
                return
            yield style
            name = read_value(style, "w:basedOn")


def _find_look(run: Element) -> Element:
    """Return the element that has the properties of a run."""
    look = run.find(_LOOK)
    if look is None:
        look = run.makeelement(_LOOK)
        run.insert(0, look)
    return look


def _is_heading_style(style: Element) -> bool:
    name = read_value(style, "w:name").casefold()
    return name.startswith(("heading", "title")) or _has_outline_level(style)


def _has_outline_level(element: Element) -> bool:
    level = element.find(_OUTLINE_PATH)
    return level is not None and level.get(_VALUE) != _BODY_LEVEL


class _Level(Struct, frozen=True):
    form: str
    text: str
    start: int
    is_legal: bool
    """This says whether the numbers of the higher levels are written in digits."""


class WordNumbering:
    """A `WordNumbering` makes the numbers that Word shows before paragraphs. It counts them, so each paragraph of a
    document must be given to it once, in their order."""

    def __init__(self, root: Element | None, styles: WordStyles) -> None:
        self._styles = styles
        self._lists: dict[str, Element] = {}
        self._numbers: dict[str, Element] = {}
        for element in () if root is None else root:
            if element.tag == expand_name("w:abstractNum"):
                self._lists[element.get(expand_name("w:abstractNumId"))] = element
            elif element.tag == expand_name("w:num"):
                self._numbers[element.get(expand_name("w:numId"))] = element
        self._counts: dict[str, list[int]] = {}
        self._levels: dict[str, list[_Level]] = {}
        self._overridden = set[tuple[str, int]]()

    def number_paragraph(self, paragraph: Element) -> str:
        """Return the number or the bullet of a paragraph, or an empty text where it has none."""
        number, level, style = self._styles.find_numbering(paragraph)
        abstract = self._find_list(number)
        if abstract is None:
            return ""
        levels = self._list_levels(number, abstract)
        depth = int(level) if level.isdecimal() else _level_of_style(abstract, style)
        if not 0 <= depth < len(levels):
            return ""
        counts = self._count(number, depth, levels)
        return _write_number(levels, counts, depth)

    def _find_list(self, number: str) -> Element | None:
        if number not in self._numbers:
            return None
        abstract = self._lists.get(read_value(self._numbers[number], "w:abstractNumId"))
        if abstract is None or abstract.find(expand_name("w:lvl")) is not None:
            return abstract
        # The list has its levels from the list of a style of its own.
        link = read_value(abstract, "w:numStyleLink")
        others = (other for other in self._lists.values() if read_value(other, "w:styleLink") == link)
        return next(others, None) if link else None

    def _list_levels(self, number: str, abstract: Element) -> list[_Level]:
        if number not in self._levels:
            overridden = {
                over.get(_LEVEL): over.find(expand_name("w:lvl"))
                for over in self._numbers[number].iterfind(expand_name("w:lvlOverride"))
            }
            levels = abstract.findall(expand_name("w:lvl"))[:_LEVELS]
            own = (overridden.get(level.get(_LEVEL)) for level in levels)
            self._levels[number] = [
                _read_level(level if over is None else over) for level, over in zip(levels, own, strict=True)
            ]
        return self._levels[number]

    def _count(self, number: str, depth: int, levels: list[_Level]) -> list[int]:
        """Count one paragraph more. Lists of the same definition go on counting, unless one starts anew."""
        key = read_value(self._numbers[number], "w:abstractNumId")
        counts = self._counts.setdefault(key, [])
        for over in self._numbers[number].iterfind(expand_name("w:lvlOverride")):
            start = read_value(over, "w:startOverride")
            if over.get(_LEVEL) == str(depth) and start.isdecimal() and (number, depth) not in self._overridden:
                self._overridden.add((number, depth))
                del counts[depth:]
                counts += [*(level.start for level in levels[len(counts) : depth]), int(start) - 1]
        while len(counts) <= depth:
            counts.append(levels[len(counts)].start - (len(counts) == depth))
        counts[depth] += 1
        del counts[depth + 1 :]
        return counts


def _read_level(level: Element) -> _Level:
    start = read_value(level, "w:start", "1")
    is_legal = level.find(expand_name("w:isLgl")) is not None
    text, form = read_value(level, "w:lvlText"), read_value(level, "w:numFmt", "decimal")
    return _Level(form, text, int(start) if start.isdecimal() else 1, is_legal)


def _level_of_style(abstract: Element, style: str) -> int:
    levels = enumerate(abstract.iterfind(expand_name("w:lvl")))
    return next((depth for depth, level in levels if style and read_value(level, "w:pStyle") == style), 0)


def _write_number(levels: list[_Level], counts: list[int], depth: int) -> str:
    level = levels[depth]
    if level.form == "bullet":
        return _BULLET

    def write(place: re.Match[str]) -> str:
        index = int(place[1]) - 1
        if not 0 <= index <= depth:
            return ""
        return write_ordinal(counts[index], "decimal" if level.is_legal else levels[index].form)

    return _PLACE.sub(write, level.text)
