"""This module writes the table of a web page as lines, one for each row.

A short table is written as it stands, since it is read together. In a long one each value stands after its column's
name, as in all other kinds of files.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from qa_service.files.tables import SPANNED, Row, resemble_names, write_table

_TYPICAL = 600
"""A table of at most this many characters is short. The rows of a long one come in groups of about this many, so that
each group fits into one passage."""

_MOST_COLUMNS = 200
_MOST_ROWS = 1_000
_MOST_NAMES = 3
"""At most this many rows at the top of a table are taken for the names of its columns."""


class _Row(Struct, frozen=True):
    cells: tuple[str, ...]
    names: int
    """This many cells of the row name a column or the row."""
    given: int
    """This many cells of the row aren't repeated from rows above it."""

    @property
    def line(self) -> str:
        cells = ["" if cell == SPANNED else cell for cell in self.cells]
        while cells and not cells[-1]:
            cells.pop()
        return " | ".join(cells)


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
        self._cells += [text, *[SPANNED] * (width - 1)]
        self._names += is_name
        self._given += 1
        if rows > 1 and column < _MOST_COLUMNS:
            self._next_spans[column] = (rows - 1, text)

    def end_row(self) -> None:
        """End the row. A row without text of its own is left out."""
        has_text = any(cell not in ("", SPANNED) for cell in self._cells)
        self._fill_spans()
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
        """Give the lines of the table in groups."""
        group, size = list[str](), 0
        for line in self._list_lines():
            if size + len(line) > _TYPICAL and group:
                yield group
                group, size = [], 0
            group.append(line)
            size += len(line)
        if group:
            yield group

    def _list_lines(self) -> list[str]:
        lines = [row.line for row in self._rows]
        if sum(map(len, lines)) <= _TYPICAL:
            return lines
        return [line for _, line in write_table([row.cells for row in self._rows], self._names_columns, self._headers)]

    @property
    def _headers(self) -> int:
        """Count the rows at the top whose cells are all names."""
        top = self._rows[: _MOST_NAMES + 1]
        return next((number for number, row in enumerate(top) if row.names < row.given), 0)

    def _names_columns(self, row: Row, below: Sequence[Row]) -> bool:
        """Tell whether a row names the columns. It doesn't where some cells name rows."""
        return not any(one.names for one in self._rows) and resemble_names(row, below)


def _read_span(written: str | None, most: int) -> int:
    digits = (written or "").strip()
    return min(int(digits), most) if digits.isdecimal() and 0 < len(digits) <= len(str(most)) else 1
