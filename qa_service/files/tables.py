"""This module writes a table as lines, one for each row. Each value stands after its column's name, so that a row can
be understood alone.

Between the cells of a row stands ` | `, which makes each row a sentence of its own wherever the text is cut or quoted.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from msgspec import Struct

from qa_service.errors import Unreadable

Row: TypeAlias = Sequence[str]
"""These are the texts of the cells of one row."""
RowTest: TypeAlias = Callable[[Row, Sequence[Row]], bool]
"""Such a function takes a row and those below it, and tells whether the row names their columns."""

SPANNED = "\0"
"""This stands for a cell that is a part of the cell on its left."""

_LOOKED_AT = 50
"""This many rows at the beginning of a table are looked at to find its columns and their names."""
LONGEST_COLUMN_NAME = 80
"""The name of a column has at most this many characters."""
_LEAST_ROWS = _LEAST_COLUMNS = 2
"""A table of which it is to be told whether it has names has at least this many rows below them, and this many
columns."""
_MOST_CELLS = 1_000_000
_MOST_SPANNED = 200_000
"""All cells of a table together span at most this many others."""
_MOSTLY = 0.6
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER = re.compile(r"[-+(]?[\s₩$€£¥]*\d[\d\s.,:/%-]*[\w%₩€]{0,4}[)]?")


def write_table(rows: Iterable[Row], is_header: RowTest, headers: int = 0) -> Iterator[tuple[int, str]]:
    """Give the lines of a table, each with the number of its row, which is counted from 0. Rows without text are left
    out. `headers` is the number of rows at the top that are known to name the columns. Where it is 0, `find_names`
    looks for them."""
    rest = iter(rows)
    top = [*islice(rest, _LOOKED_AT)]
    names, first = (_join_names(top[:headers]), headers) if headers else find_names(top, is_header)
    return write_rows(chain(top, rest), names, first)


class Cell(Struct, frozen=True):
    """A `Cell` has the text of a cell and where it stands, from row and column 0."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1


def lay_out_cells(cells: Sequence[Cell]) -> list[list[str]]:
    """Return the rows of a table. A short text that spans several rows stands in each of them, because a row must be
    understood alone. Where all spans together cover too much, the later cells span nothing. Raises `Unreadable` for a
    table that is too large."""
    height = 1 + max((cell.row for cell in cells), default=-1)
    width = 1 + max((cell.column for cell in cells), default=-1)
    if height * width > _MOST_CELLS:
        raise Unreadable("too_large")
    rows = [[""] * width for _ in range(height)]
    left = _MOST_SPANNED
    for cell in cells:
        reached = range(cell.row, min(cell.row + (cell.rows if len(cell.text) <= LONGEST_COLUMN_NAME else 1), height))
        spanned = range(cell.column, min(cell.column + cell.columns, width))
        left -= len(reached) * len(spanned) - 1
        for row in reached if left > 0 else reached[:1]:
            for column in spanned if left > 0 else spanned[:1]:
                rows[row][column] = cell.text if column == cell.column else SPANNED
    return rows


def write_rows(rows: Iterable[Row], names: Row, first: int = 0) -> Iterator[tuple[int, str]]:
    """Give the lines of these rows, each with its number. Those from `first` on have the names of the columns."""
    for number, row in enumerate(rows):
        line = write_row(names if number >= first else (), row)
        if line:
            yield number, line


def find_names(rows: Sequence[Row], is_header: RowTest) -> tuple[Row, int]:
    """Find the names of the columns in the first rows, and return them with the number of the row below them.

    A row has the names if it fills as many cells as the table has columns, and `is_header` accepts it. Titles and units
    may stand above it. Where no row has them, there are no names, and the number is 0.
    """
    rows = rows[:_LOOKED_AT]
    widths = Counter(len(_texts(row)) for row in rows if _texts(row))
    width = max(widths, key=lambda filled: (widths[filled], filled), default=0)
    number = next((number for number, row in enumerate(rows) if len(_texts(row)) >= width > 0), -1)
    if number < 0 or not is_header(rows[number], [row for row in rows[number + 1 :] if _texts(row)]):
        return (), 0
    return _join_names([rows[number]]), number + 1


def write_row(names: Row, row: Row) -> str:
    """Write one row on a line. A row without any text is empty."""
    cells = ((names[n] if n < len(names) else "", flatten_cell(cell)) for n, cell in enumerate(row))
    return " | ".join(
        f"{name}: {cell}" if name and name != cell else cell for name, cell in cells if cell and cell != SPANNED
    )


def flatten_cell(text: str) -> str:
    """Return the text of a cell on one line. A slash stands between two lines, unless the first one ends a sentence."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    flat = ""
    for line in filter(None, lines):
        flat += line if not flat else f" {line}" if flat[-1] in ".!?:;," else f" / {line}"
    return flat


def accept_names(row: Row, below: Sequence[Row]) -> bool:
    """Accept any row as the names of the columns, if its cells aren't numbers. Tables of data begin with such a row."""
    return bool(below) and not any(_NUMBER.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in _texts(row))


def accept_columns(row: Row, below: Sequence[Row]) -> bool:
    """Accept the names of more than one column as `accept_names` does."""
    return len(_texts(row)) > 1 and accept_names(row, below)


def resemble_names(row: Row, below: Sequence[Row]) -> bool:
    """Tell whether a row looks like the names of the columns. In a document many tables have no names, and a name that
    isn't one would make false sentences; so the cells below must differ from it in what they are."""
    texts = _texts(row)
    if len(texts) < _LEAST_COLUMNS or len(set(texts)) < len(texts) or len(below) < _LEAST_ROWS:
        return False
    if any(len(text) > LONGEST_COLUMN_NAME for text in texts):
        return False
    if any(_NUMBER.fullmatch(text) and not _YEAR.fullmatch(text) for text in texts):
        return False
    columns = [(row[n], [other[n] for other in below if n < len(other) and other[n].strip()]) for n in range(len(row))]
    return any(_differs(name.strip(), values) for name, values in columns)


def _differs(name: str, values: Sequence[str]) -> bool:
    """Tell whether numbers stand below a name that is none, or other numbers than years below a year."""
    is_year = _YEAR.fullmatch(name) and not any(_YEAR.fullmatch(value.strip()) for value in values)
    return (bool(is_year) or not _DIGIT.search(name)) and _is_mostly_digits(values)


def _is_mostly_digits(values: Sequence[str]) -> bool:
    return bool(values) and sum(bool(_DIGIT.search(value)) for value in values) >= _MOSTLY * len(values)


def _join_names(rows: Sequence[Row]) -> Row:
    """Join the names of each column from top to bottom. A name that spans several rows stands once, and a title that
    spans all columns names none."""
    width = max(map(len, rows), default=0)
    rows = [row for row in rows if width == 1 or len(_texts(row)) > 1]
    columns = ([flatten_cell(_find_name(row, n)) for row in rows if n < len(row)] for n in range(width))
    return [" ".join(dict.fromkeys(name for name in column if name))[:LONGEST_COLUMN_NAME] for column in columns]


def _find_name(row: Row, column: int) -> str:
    while column and row[column] == SPANNED:
        column -= 1
    return row[column]


def _texts(row: Row) -> list[str]:
    return [cell.strip() for cell in row if cell.strip() and cell != SPANNED]
