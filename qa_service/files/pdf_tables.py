"""This module finds tables in a block of a page by the places of their cells, since a PDF has no tables.

Only what is certain counts: the pieces of some rows stand below each other in columns that don't overlap. Lines of a
cell that is longer than its column become one row again.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from msgspec import Struct

from qa_service.files.pdf_lines import Piece, ends_like_word, is_sign

_Cell: TypeAlias = list[Piece]
"""These are the pieces of a cell, in the order of reading. There are none where the cell is empty."""
TableCells: TypeAlias = list[list[str]]
"""These are the cells of a table, row by row. Each row has a cell for each column."""

_FEWEST_ROWS = 3
_FEWEST_COLUMNS = 2
_FILLED = 0.6
"""At least this part of the cells has a text."""
_TOUCHING = 0.3
"""Cells of one column overlap, or are less apart than this part of a line's height."""
_WRAPPED = 0.85
"""The lines of one cell are less far from each other than this part of the distance of whole rows."""
_LEADING = 1.6
"""The lines of one cell are at most this many heights of a line from each other."""
_FAR = 4.0
"""A table ends where the next row is this many heights of a line below."""
_NARROW = 0.5
"""A row of one cell is narrower than this part of the table."""
_LONG = 12
"""A line is long enough to go on in the next one when it has this many letters."""


class _Column(Struct):
    """A `_Column` reaches from its leftmost to its rightmost sign."""

    left: float
    right: float
    height: float


def find_tables(rows: Sequence[Sequence[Piece]]) -> Iterator[tuple[int, int, TableCells]]:
    """Give the tables in these rows, which come from above to below: the number of its first row, that of the row
    behind the last one, and its cells."""
    start = 0
    cut = [[part for piece in row for part in piece.parts or (piece,)] for row in rows]
    while start < len(rows):
        end = _end_of_table(cut, start)
        grid = _make_grid(cut[start:end])
        if grid:
            yield start, end, grid
        start = max(end, start + 1)


def _end_of_table(rows: Sequence[Sequence[Piece]], start: int) -> int:
    """Return the number behind the last row with several pieces. A row between two of them may have one piece."""
    end, width = start, rows[start][-1].right - rows[start][0].left
    edges: set[int] = set()
    for number in range(start, len(rows)):
        row = rows[number]
        if number > start and _distance(rows, number) > _FAR * row[0].height:
            break
        if len(row) >= _FEWEST_COLUMNS:
            end = number + 1
            edges.update(round(piece.left) for piece in row[1:])
        elif not _is_near(rows, number):
            break
        elif round(row[0].left) in edges:
            end = number + 1
        elif end == start or row[0].right - row[0].left > _NARROW * width:
            break
    return end


def _is_near(rows: Sequence[Sequence[Piece]], number: int) -> bool:
    """Return whether a row is as near to the one above or below it as the lines of one cell are."""
    distances = [_distance(rows, other) for other in (number, number + 1) if 0 < other < len(rows)]
    return min(distances, default=_FAR) < _LEADING * rows[number][0].height


def _distance(rows: Sequence[Sequence[Piece]], number: int) -> float:
    return rows[number - 1][0].base - rows[number][0].base


def _make_grid(rows: Sequence[Sequence[Piece]]) -> TableCells | None:
    """Return the cells of a table, or None where the rows are none."""
    if len(rows) < _FEWEST_ROWS:
        return None
    columns = _find_columns([piece for row in rows for piece in row])
    if len(columns) < _FEWEST_COLUMNS:
        return None
    records = _join_wrapped([_fill_row(row, columns) for row in rows], columns)
    filled = sum(bool(cell) for record in records for cell in record)
    if filled < _FILLED * len(columns) * len(records):
        return None
    return [[_write_cell(cell) for cell in record] for record in records]


def _find_columns(pieces: list[Piece]) -> list[_Column]:
    columns: list[_Column] = []
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if not columns or piece.left > columns[-1].right + _TOUCHING * piece.height:
            columns.append(_Column(piece.left, piece.right, piece.height))
        columns[-1].right = max(columns[-1].right, piece.right)
    return columns


def _fill_row(row: Sequence[Piece], columns: list[_Column]) -> list[_Cell]:
    cells: list[_Cell] = [[] for _ in columns]
    lefts = [column.left for column in columns]
    for piece in row:
        cells[bisect_right(lefts, piece.left) - 1].append(piece)
    return cells


def _join_wrapped(rows: list[list[_Cell]], columns: list[_Column]) -> list[list[_Cell]]:
    """Join the rows whose cells are the lines of one row."""
    whole = [all(cells) for cells in rows]
    bases = [next(cell[0].base for cell in cells if cell) for cells in rows]
    distances = [above - below for above, below in pairwise(bases)]
    leading = _LEADING * columns[0].height
    near = min(leading, _WRAPPED * _find_pitch(distances, whole, leading))
    joined = [rows[0]]
    for number, distance in enumerate(distances, start=1):
        is_near = distance < near and not (whole[number] and whole[number - 1])
        if is_near or (distance < leading and _goes_on(joined[-1], rows[number], columns)):
            joined[-1] = [cell + more for cell, more in zip(joined[-1], rows[number], strict=True)]
        else:
            joined.append(rows[number])
    return joined


def _find_pitch(distances: list[float], whole: list[bool], leading: float) -> float:
    """Return how far whole rows are from each other, or 0 where that can't be told."""
    pitches = [distance for distance, pair in zip(distances, pairwise(whole), strict=True) if all(pair)]
    if pitches:
        return median(pitches)
    wide = [distance for distance in distances if distance > leading]
    return min(wide) if len(wide) * 2 >= len(distances) else 0.0


def _goes_on(record: list[_Cell], row: list[_Cell], columns: list[_Column]) -> bool:
    """Return whether the row is the next line of some cells: the lines above are long, and the first word of the row
    would not have fitted into them."""
    if row[0]:
        return False
    pairs = [
        (cell[-1], more[0], column) for cell, more, column in zip(record, row, columns, strict=True) if cell and more
    ]
    return len(pairs) == sum(map(bool, row)) and all(
        last.units >= _LONG and last.right + more.first_word > column.right for last, more, column in pairs
    )


def _write_cell(cell: _Cell) -> str:
    text = ""
    for piece in cell:
        divides_word = is_sign(text[-1:]) and is_sign(piece.text) and not ends_like_word(text)
        text += piece.text if divides_word or not text else f" {piece.text}"
    return text
