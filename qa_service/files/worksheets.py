"""This module has the cells of one sheet, whatever kind of file it is from, and gives the segments of its rows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from qa_service.errors import Unreadable
from qa_service.files.rows import group_rows
from qa_service.files.segment import Segment
from qa_service.files.tables import (
    LONGEST_COLUMN_NAME,
    SPANNED,
    Row,
    accept_columns,
    find_names,
    resemble_names,
    write_rows,
)
from qa_service.model import Place

MOST_CELLS = 2_000_000
"""A sheet may have at most this many cells in the rows and columns that have any text. Empty rows and columns cost
nothing, so that a stray cell far away is no harm."""
_MOST_CHARACTERS = 2_200_000
"""A sheet may have this much text. No file may have more, so that what is behind it isn't looked at."""
_MOST_MERGED = 500_000
"""At most this many cells get the text of a merged cell that reaches into them."""


def read_sheet(name: str, fill: Callable[["Worksheet"], None]) -> Iterator[Segment]:
    """Give the segments of a sheet that `fill` adds the cells of. Where `fill` raises `Unreadable`, it is raised behind
    the segments of the cells that were added before."""
    sheet, problem = Worksheet(name), None
    try:
        fill(sheet)
    except Unreadable as error:
        problem = error
    yield from sheet.list_segments()
    if problem:
        raise problem


class Worksheet:
    """A `Worksheet` keeps the texts of cells. Rows and columns are counted from 1."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows: dict[int, dict[int, str]] = {}
        self._columns = set[int]()
        self._merged = self._size = 0

    def add_cell(self, row: int, column: int, text: str) -> None:
        """Add a cell. An empty one isn't kept. Raises `Unreadable` where the sheet has too many cells."""
        if text := text.strip():
            self._rows.setdefault(row, {})[column] = text
            self._columns.add(column)
            self._size += len(text)
            if self._size > _MOST_CHARACTERS or len(self._rows) * len(self._columns) > MOST_CELLS:
                raise Unreadable("too_large")

    def merge_cells(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Let a cell reach over these rows and columns. A short text stands in each of the rows, because a row must be
        understood alone."""
        text = self._rows.get(rows[0], {}).get(columns[0], "")
        if not text or self._merged > _MOST_MERGED:
            return
        reached = sorted(row for row in self._rows if rows[0] <= row <= rows[1]) if rows[1] > rows[0] else [rows[0]]
        for row in reached if len(text) <= LONGEST_COLUMN_NAME else reached[:1]:
            self._rows[row].setdefault(columns[0], text)
            spanned = [column for column in self._columns if columns[0] < column <= columns[1]]
            for column in spanned:
                self._rows[row].setdefault(column, SPANNED)
            self._merged += 1 + len(spanned)

    def list_segments(self) -> Iterator[Segment]:
        """Give the segments of the rows. A row of names counts for the rows below it, also below empty rows, until
        another row of names comes."""
        columns = sorted(self._columns)
        names: Row = ()
        for first, rows in self._blocks(columns):
            found, start = find_names(rows, resemble_names if names else accept_columns)
            names = found or names
            lines = write_rows(rows, names, start)
            yield from group_rows(lines, Place(sheet=self._name), first=first, section=self._name)

    def _blocks(self, columns: Sequence[int]) -> Iterator[tuple[int, list[Row]]]:
        """Give the rows that follow each other without an empty one, with the number of the first."""
        numbers = sorted(self._rows)
        start = 0
        for place, number in enumerate(numbers):
            if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
                rows = (self._rows[n] for n in islice(numbers, start, place + 1))
                yield numbers[start], [[row.get(column, "") for column in columns] for row in rows]
                start = place + 1
