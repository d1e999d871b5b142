"""This module reads the rows of a table in plain text. In their text each value stands after its column's name."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice
from typing import Any

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import Row, accept_names, write_table
from qa_service.model import Place

_TYPICAL = 700
"""A segment has rows of about this many characters together."""

_DELIMITERS = "\t;|,"
_LOOKED_AT = 50
_SAMPLE = 100_000
_LONGEST_CELL = 1_000_000
_QUOTED = re.compile(r'(?:(?<=[,;\t|])|^)"(?:[^"]|"")*+"', re.MULTILINE)
_DECLARED = re.compile(r"sep=(.)\r?\n")


def read_rows(raw: RawFile) -> Iterator[Segment]:
    """Read CSV with any of the delimiters of `_DELIMITERS`. The first row that fills all columns names the columns.
    The place of a segment has the range of its rows, which are counted from 1 as in a sheet."""
    text = raw.raw_text()
    declared = _DECLARED.match(text)
    delimiter = declared[1] if declared else _choose_delimiter(text)
    csv.field_size_limit(_LONGEST_CELL)
    skipped = 1 if declared else 0
    rows = islice(_parse(StringIO(text, newline=""), delimiter), skipped, None)
    try:
        yield from group_rows(write_table(rows, accept_names), Place(), first=1 + skipped)
    except csv.Error as error:
        raise Unreadable("damaged") from error


def group_rows(lines: Iterable[tuple[int, str]], place: Place, first: int = 1, **segment: Any) -> Iterator[Segment]:
    """Give segments of rows that follow each other without a gap. `first` is the number of the row that is 0 in
    `lines`."""
    group, size = list[tuple[int, str]](), 0
    for number, line in lines:
        if group and (size + len(line) > _TYPICAL or number != group[-1][0] + 1):
            yield _segment(group, place, first, segment)
            group, size = [], 0
        group.append((number, line))
        size += len(line)
    if group:
        yield _segment(group, place, first, segment)


def _segment(group: Sequence[tuple[int, str]], place: Place, first: int, segment: dict[str, Any]) -> Segment:
    rows = (first + group[0][0], first + group[-1][0])
    # A row of one cell has no sign that makes it a sentence, so a blank line ends it.
    text = "".join(f"{line}\n" if " | " in line else f"{line}\n\n" for _, line in group)
    return Segment(text, place=Place(part=place.part, sheet=place.sheet, rows=rows), **segment)


def _choose_delimiter(text: str) -> str:
    """Choose the delimiter that gives most of the first records equally many cells, and more than one. What stands in
    quotation marks isn't counted. Among equals a comma is chosen last, because numbers and prose have commas too."""
    records = _QUOTED.sub("", text[:_SAMPLE]).splitlines()[:_LOOKED_AT]
    return max(_DELIMITERS, key=lambda sign: _measure_evenness([record.count(sign) for record in records if record]))


def _measure_evenness(counts: Sequence[int]) -> float:
    """Return the share of the records that have the most frequent number of delimiters."""
    frequent = max(Counter(filter(None, counts)).values(), default=0)
    return frequent / max(1, len(counts))


def _parse(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    return iter(csv.reader(lines, delimiter=delimiter))
