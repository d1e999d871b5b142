"""Rows of a table as text: each value beside the name of its column, so that a row can be understood alone."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from qa_service.errors import Unreadable
from qa_service.files.piece import Piece, Source

TYPICAL = 700
"""Characters of rows that stand in a piece together."""

_DELIMITERS = ",;\t|"
_LOOKED_AT = 20


def pieces(source: Source) -> Iterator[Piece]:
    """CSV with any of four delimiters; the first row names the columns. Rows are counted from 1, as in a sheet."""
    text = source.text()
    rows = csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text))
    try:
        yield from _grouped(_lines(rows))
    except csv.Error as error:
        raise Unreadable("damaged") from error


def _delimiter(text: str) -> str:
    """The one that splits the first lines into equally many cells, and most."""
    lines = [line for line in islice(text.splitlines(), _LOOKED_AT) if line.strip()]
    return max(_DELIMITERS, key=lambda sign: min((line.count(sign) for line in lines), default=0))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[tuple[int, str]]:
    names: Sequence[str] = ()
    for number, row in enumerate(rows, start=1):
        line = _line(names, row)
        if line:
            yield number, line
        names = names or row


def _line(names: Sequence[str], row: Sequence[str]) -> str:
    cells = [(name.strip(), cell.strip()) for name, cell in zip_longest(names[: len(row)], row, fillvalue="")]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in cells if cell)


def _grouped(lines: Iterable[tuple[int, str]]) -> Iterator[Piece]:
    group: list[tuple[int, str]] = []
    size = 0
    for number, line in lines:
        if group and size + len(line) > TYPICAL:
            yield _piece(group)
            group, size = [], 0
        group.append((number, line))
        size += len(line)
    if group:
        yield _piece(group)


def _piece(group: Sequence[tuple[int, str]]) -> Piece:
    return Piece("".join(f"{line}\n" for _, line in group), section=f"rows {group[0][0]}–{group[-1][0]}")
