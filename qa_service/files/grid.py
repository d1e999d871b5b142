"""This module writes the table of a web page as lines, and repeats its column names in a long table."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

TYPICAL = 600
"""The rows of a long table come in groups of about so many characters, so that each group fits into one passage."""

_MOST_COLUMNS = 200
_MOST_ROWS = 1_000
_MOST_NAMES = 3
"""At most so many rows at the top of a table are taken for the names of its columns."""
_LONGEST_NAMES = 300
_VALUE = re.compile(r"[\s.,:%/+\-–~()₩$€£¥원]*+\d[\d\s.,:%/+\-–~()₩$€£¥원]*")


class _Row(Struct, frozen=True):
    cells: tuple[str, ...]
    names: int
    """So many cells of the row name a column or the row."""
    given: int
    """So many cells of the row aren't repeated from rows above it."""

    @property
    def line(self) -> str:
        return " | ".join(self.cells)


class Grid:
    """A `Grid` takes the cells of one table in their order, and gives the lines of its rows.

    The text of a cell that spans several rows stands in each of them, because a row must be understood alone.
    """

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._cells: list[str] = []
        self._names = self._given = 0
        self._spans: dict[int, tuple[int, str]] = {}
        """It maps a column to a text from the rows above, and to the number of rows in which the text still stands."""
        self._next_spans: dict[int, tuple[int, str]] = {}

    def add_cell(self, text: str, attributes: Mapping[str, str | None], *, is_name: bool) -> None:
        """Add a cell to the row that isn't ended yet. `is_name` says whether it names its column or its row."""
        self._fill_spans()
        column, rows = len(self._cells), _read_span(attributes.get("rowspan"), _MOST_ROWS)
        width = min(_read_span(attributes.get("colspan"), _MOST_COLUMNS), max(1, _MOST_COLUMNS - column))
        self._cells += [text, *[""] * (width - 1)]
        self._names += is_name
        self._given += 1
        if rows > 1 and column < _MOST_COLUMNS:
            self._next_spans[column] = (rows - 1, text)

    def end_row(self) -> None:
        """End the row. A row without text of its own is left out."""
        has_text = any(self._cells)
        self._fill_spans()
        while self._cells and not self._cells[-1]:
            self._cells.pop()
        if has_text:
            self._rows.append(_Row(tuple(self._cells), self._names, self._given))
        self._cells, self._names, self._given = [], 0, 0
        self._spans, self._next_spans = self._next_spans, {}

    def _fill_spans(self) -> None:
        """Add the cells that reach into this row from the rows above it."""
        while (column := len(self._cells)) in self._spans:
            rows, text = self._spans[column]
            self._cells.append(text)
            if rows > 1:
                self._next_spans[column] = (rows - 1, text)

    def list_groups(self) -> Iterator[list[str]]:
        """Give the lines of the table in groups. Each group after the first one begins with the column names again."""
        names = self._list_names()
        group, size = list[str](), 0
        for row in self._rows:
            if size > TYPICAL and len(group) > len(names):
                yield group
                group, size = list(names), sum(map(len, names))
            group.append(row.line)
            size += len(row.line)
        if group:
            yield group

    def _list_names(self) -> list[str]:
        top = self._rows[: _MOST_NAMES + 1]
        count = next((number for number, row in enumerate(top) if row.names < row.given), 0)
        if not count and top and _looks_like_names(top[0]):
            count = 1
        names = [row.line for row in top[:count]]
        return names if sum(map(len, names)) <= _LONGEST_NAMES else []


def _looks_like_names(row: _Row) -> bool:
    return not row.names and len(row.cells) > 1 and all(row.cells) and not any(map(_VALUE.fullmatch, row.cells))


def _read_span(written: str | None, most: int) -> int:
    digits = (written or "").strip()
    return min(int(digits), most) if digits.isdecimal() and 0 < len(digits) <= len(str(most)) else 1
