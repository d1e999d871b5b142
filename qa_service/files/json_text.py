"""This module writes JSON as lines that somebody can read: each value stands behind the path that leads to it.

A path such as `items #2.price` counts from 1, and has no brackets, since in an answer they would mark a source.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeAlias

from qa_service.files.segment import RawFile, Segment

_TYPICAL = 600
"""A segment has lines of about this many characters together, so that it fits into one passage."""

_DEEPEST = 40
"""What is nested more deeply is written as JSON."""
_SHORT = 300
"""An object whose values have at most this many characters together is written on one line."""


class _Object(tuple[tuple[str, Any], ...]):
    """An `_Object` has the names and values of an object in their order, also where a name stands twice."""

    __slots__ = ()


_Line: TypeAlias = tuple[str, str]
"""A `_Line` is a line, behind the path of the object or list in which it stands."""


def read_json(raw: RawFile) -> Iterator[Segment]:
    """Give the lines in groups. A segment's section is the path to its first line. A file that has one value on each
    line is read too, and one that is no JSON is read as plain text."""
    # Cleaning would end lines within values. It mends a text whose spaces aren't those of JSON.
    values = _read_values(raw.raw_text()) or _read_values(raw.text())
    segments = _group(line for path, value in values for line in _write_value(value, path, len(path) > 0))
    first = next(segments, None)
    yield first or Segment(raw.text())
    yield from segments


def _read_values(text: str) -> list[tuple[str, Any]]:
    """Read JSON or JSON Lines, and return each value with its path. The result is empty where the text is neither."""
    try:
        return [("", _decode(text))]
    except ValueError:
        return _read_lines(text)


def _read_lines(text: str) -> list[tuple[str, Any]]:
    try:
        values = [_decode(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        return []
    return [(f"#{number}", value) for number, value in enumerate(values, 1)]


def _decode(text: str) -> Any:
    # Numbers stay as they were written, because 1.10 is read as a price.
    return json.loads(text, object_pairs_hook=_Object, parse_float=str, parse_int=str, parse_constant=str)


def _write_value(value: Any, path: str, depth: int) -> Iterator[_Line]:
    if depth > _DEEPEST:
        yield path, f"{path}: {json.dumps(value, ensure_ascii=False)}"
    elif isinstance(value, _Object) and not (depth and _is_short(value)):
        for name, part in value:
            yield from _write_member(part, f"{path}.{name}" if path else name, path, depth)
    elif isinstance(value, list) and not _is_short(value):
        for number, part in enumerate(value, 1):
            yield from _write_member(part, f"{path} #{number}".lstrip(), path, depth)
    else:
        yield path, _write_line(path, value)


def _write_member(value: Any, path: str, parent: str, depth: int) -> Iterator[_Line]:
    lines = _write_value(value, path, depth + 1) if isinstance(value, (_Object, list)) else iter(())
    first = [*islice(lines, 2)]
    if not first:
        yield parent, _write_line(path, value)
    elif len(first) == 1:
        where, line = first[0]
        yield parent if where == path else where, line
    else:
        yield from chain(first, lines)


def _is_short(value: _Object | list[Any]) -> bool:
    """Tell whether an object or a list has only plain values, and few of them."""
    parts: Sequence[Any] = [part for _, part in value] if isinstance(value, _Object) else value
    if any(isinstance(part, (_Object, list)) for part in parts):
        return False
    return sum(len(str(part)) for part in parts) <= _SHORT


def _write_line(path: str, value: Any) -> str:
    match value:
        case _Object():
            written = " | ".join(f"{name}: {_write_plain(part)}" for name, part in value)
        case list():
            written = ", ".join(map(_write_plain, value))
        case _:
            written = _write_plain(value)
    return f"{path}: {written}" if path else written


def _write_plain(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _group(lines: Iterable[_Line]) -> Iterator[Segment]:
    group, size, section = list[str](), 0, ""
    for path, line in lines:
        if group and (size + len(line) > _TYPICAL):
            yield Segment("".join(group), section=section)
            group, size = [], 0
        section = section if group else path
        group.append(f"{line}\n")
        size += len(line)
    if group:
        yield Segment("".join(group), section=section)
