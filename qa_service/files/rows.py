"""This module reads the rows of a table. In their text each value stands after its column's name, so that a row can be
understood alone."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment

TYPICAL = 700
"""A segment has rows of about so many characters together."""

_DELIMITERS = ",;\t|"
_LOOKED_AT = 20


def read_rows(raw: RawFile) -> Iterator[Segment]:
    """Read CSV with any of the delimiters of `_DELIMITERS`. The first row that isn't empty names the columns. A
    segment's section is the range of its rows, which are counted from 1 as in a sheet."""
    text = raw.text()
    rows = csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text))
    try:
        yield from _grouped(_lines(rows))
    except csv.Error as error:
        raise Unreadable("damaged") from error


def _delimiter(text: str) -> str:
    """Choose one of the delimiters. Each of them is counted in the first lines, and its lowest count decides."""
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


def _grouped(lines: Iterable[tuple[int, str]]) -> Iterator[Segment]:
    group: list[tuple[int, str]] = []
    size = 0
    for number, line in lines:
        if group and size + len(line) > TYPICAL:
            yield _segment(group)
            group, size = [], 0
        group.append((number, line))
        size += len(line)
    if group:
        yield _segment(group)


def _segment(group: Sequence[tuple[int, str]]) -> Segment:
    return Segment("".join(f"{line}\n" for _, line in group), section=f"rows {group[0][0]}–{group[-1][0]}")
