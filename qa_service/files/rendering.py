"""This module writes down the text of a web page as somebody reads it: in sections that begin with headings.

The elements of a page may be nested to any depth, so nothing here calls itself.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from selectolax.lexbor import LexborNode

from qa_service.files.controls import CONTROLS, write_control
from qa_service.files.grid import Grid
from qa_service.files.mathml import write_formula
from qa_service.files.numbering import ItemNumbers
from qa_service.files.parsed import PageSection
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.visibility import Attributes

IsSeen: TypeAlias = Callable[[LexborNode, Attributes], bool]
"""Such a function tells whether an element is seen, if the elements around it are."""

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_TAGS = """
    address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup p pre search section summary
    table tbody tfoot thead tr ul
"""
BLOCKS = frozenset(_BLOCK_TAGS.split())
_CELLS = frozenset({"td", "th"})
_LISTS = frozenset({"ol", "ul", "menu", "dir"})
_LEAVES = frozenset({"-text", "math", "select"})
"""These nodes are given without what is in them."""
_SPACE = re.compile(r"\s+")
_NO_ATTRIBUTES: Attributes = {}


def render_sections(root: LexborNode, is_seen: IsSeen) -> Iterator[PageSection]:
    """Give the sections of this element that have text. What `is_seen` says isn't seen is left out."""
    layouts = _find_layouts(root)
    writer = _Writer(layouts)
    for node, attributes, entered in walk_nodes(root, is_seen):
        if entered:
            yield from writer.enter(node, attributes)
        else:
            writer.leave(node, attributes)
    yield from writer.end_section()


def walk_nodes(root: LexborNode, is_seen: IsSeen) -> Iterator[tuple[LexborNode, Attributes, bool]]:
    """Give each seen node twice: with True before its children, and with False after them. A text is given once."""
    stack: list[tuple[LexborNode, Attributes, bool]] = [(root, root.attributes, True)]
    while stack:
        node, attributes, entered = stack.pop()
        yield node, attributes, entered
        if entered and node.tag not in _LEAVES:
            stack.append((node, attributes, False))
            for child in reversed(list(node.iter(include_text=True))):
                own = _NO_ATTRIBUTES if child.tag == "-text" else child.attributes
                if child.tag == "-text" or is_seen(child, own):
                    stack.append((child, own, True))


def _find_layouts(root: LexborNode) -> frozenset[int]:
    """Find the tables that only arrange a page: those that hold headings or other tables."""
    layouts, tables = set[int](), list[int]()
    for node, _, entered in walk_nodes(root, lambda *_: True):
        if node.tag == "table" and not entered:
            tables.pop()
        if tables and entered and (node.tag in HEADINGS or node.tag == "table"):
            layouts.add(tables[-1])
        if node.tag == "table" and entered:
            tables.append(node.mem_id)
    return frozenset(layouts)


def _write_reading(text: str) -> str:
    return f"({text.strip()})" if text.strip() else ""


_CHANGED: Mapping[str, Callable[[str], str]] = {"sup": raise_digits, "sub": lower_digits, "rt": _write_reading}
"""The text of these elements is written in another way. A reading, which stands above its signs, stands behind them."""


class _Writer:
    """A `_Writer` takes the nodes of a page in their order, and makes sections of them."""

    def __init__(self, layouts: frozenset[int]) -> None:
        self._layouts = layouts
        self._blocks: list[str] = []
        self._shown: list[str] = []
        self._headings: dict[int, str] = {}
        self._anchor = self._next_anchor = ""
        self._in_heading = False
        self._sign = ""
        """This is the number or the dash of a list's item. It is written before the item's first word."""
        self._marks: list[int] = []
        """These places in `_shown` are where the open elements begin whose text is changed at their end."""
        self._grids: list[Grid | None] = []
        """These are the open tables. It is None for a table that only arranges the page."""
        self._lists: list[ItemNumbers | None] = []
        self._verbatim = 0

    def enter(self, node: LexborNode, attributes: Attributes) -> Iterator[PageSection]:
        tag = node.tag or ""
        if tag == "-text":
            self._write(node.text_content or "")
            return
        if tag in HEADINGS:
            yield from self.end_section()
            self._begin_heading(HEADINGS[tag])
        self._note_anchor(attributes.get("id") or (attributes.get("name") if tag == "a" else ""))
        self._verbatim += tag == "pre"
        self._break_line(tag)
        self._begin(tag, node, attributes)

    def leave(self, node: LexborNode, attributes: Attributes) -> None:
        tag = node.tag or ""
        if tag in HEADINGS:
            self._end_heading(HEADINGS[tag])
        elif tag == "table":
            self._end_table()
        elif tag == "tr" and (grid := self._grid):
            grid.end_row()
        elif tag in _CELLS and (grid := self._grid):
            grid.add_cell(_SPACE.sub(" ", self._take_marked()).strip(), attributes, is_name=tag == "th")
        elif tag in _CHANGED:
            self._shown.append(_CHANGED[tag](self._take_marked()))
        self._end_list(tag)
        self._verbatim -= tag == "pre"
        self._break_line(tag)

    def end_section(self) -> Iterator[PageSection]:
        """Give the section that ends here, if it has any text."""
        self._end_block()
        if self._blocks:
            yield PageSection(tuple(self._headings.values()), self._anchor, tuple(self._blocks))
        self._blocks, self._anchor = [], ""

    @property
    def _grid(self) -> Grid | None:
        return self._grids[-1] if self._grids else None

    def _write(self, text: str) -> None:
        shown = text if self._verbatim else _SPACE.sub(" ", text)
        if not self._verbatim and (not self._shown or self._shown[-1].endswith((" ", "\n"))):
            shown = shown.lstrip(" ")
        if shown.strip():
            shown, self._sign, self._next_anchor = self._sign + shown, "", ""
        if shown:
            self._shown.append(shown)

    def _break_line(self, tag: str) -> None:
        """End the line before and behind a block. The cells of a table that only arranges the page are blocks too."""
        if tag in BLOCKS or (tag in _CELLS and self._grid is None):
            self._shown.append("\n")

    def _begin(self, tag: str, node: LexborNode, attributes: Attributes) -> None:
        if tag in _CHANGED or (tag in _CELLS and self._grid):
            self._marks.append(len(self._shown))
        elif tag == "table":
            self._grids.append(None if node.mem_id in self._layouts else Grid())
        elif tag in _LISTS:
            self._lists.append(ItemNumbers(node) if tag == "ol" else None)
        elif tag == "li":
            numbers = self._lists[-1] if self._lists else None
            self._sign += numbers.number_item(attributes) if numbers else "- "
        elif tag == "math":
            self._write(write_formula(node))
        elif tag in CONTROLS:
            self._write(write_control(node, attributes))

    def _begin_heading(self, level: int) -> None:
        self._headings = {above: title for above, title in self._headings.items() if above < level}
        self._in_heading = True
        # An element that has just begun, without any text so far, leads to this heading too.
        self._anchor, self._next_anchor = self._next_anchor, ""

    def _end_heading(self, level: int) -> None:
        self._in_heading = False
        if title := _SPACE.sub(" ", "".join(self._shown)).strip():
            self._headings[level] = title

    def _note_anchor(self, anchor: str | None) -> None:
        if anchor and self._in_heading:
            self._anchor = anchor
        elif anchor:
            self._next_anchor = anchor

    def _end_table(self) -> None:
        for number, lines in enumerate(grid.list_groups() if (grid := self._grids.pop()) else ()):
            if number:
                self._end_block()
            self._shown.append("\n".join(lines))

    def _end_list(self, tag: str) -> None:
        if tag in _LISTS:
            self._lists.pop()
        if tag == "li":
            self._sign = ""

    def _take_marked(self) -> str:
        # A heading within the element has already taken away what was shown before it.
        start = min(self._marks.pop(), len(self._shown))
        text = "".join(self._shown[start:])
        del self._shown[start:]
        return text

    def _end_block(self) -> None:
        lines = (line.rstrip() for line in "".join(self._shown).split("\n"))
        if text := "\n".join(filter(None, lines)):
            self._blocks.append(text)
        self._shown = []
