"""This module puts the pieces of a page into the order in which people read them: column after column, and within a
column from above to below."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.files.pdf_lines import Piece

_DEEPEST = 6
"""A column may have columns itself, and so on, but not deeper than this."""
_FEWEST = 3
"""A column has at least this many pieces."""
_GUTTER = 0.5
"""The space between two columns is at least this wide, in heights of a line."""
_TRIED = 6
"""At most this many spaces between columns are looked at. The space that the fewest pieces lie across is looked at
first."""
_BAND = 0.8
"""Where no text stands for this many heights of a line, something else may begin, such as a table below columns."""
_FAR = 2.5
"""What stands this many heights of a line below the columns doesn't belong to one of them alone."""
_PROSE = 14
"""A line of prose has at least this many letters."""
_FULL = 0.75
"""A line of a column is at least this wide, as a part of the widest one."""
_LABEL = 8
_ALIGNED = 0.8
_SAME_ROW = 0.3
_FEW_CHANGES = 0.3

_Kind: TypeAlias = Literal["columns", "left", "right", "across", "table"]


class _Band(Struct):
    """A `_Band` is what stands on a part of the page's height. Beside a gutter, it may have two columns."""

    pieces: list[Piece]
    kind: _Kind
    left: list[Piece]
    right: list[Piece]


class _Part(Struct):
    """A `_Part` is one of the parts of a page that follow each other downwards. It has two sides or is plain."""

    plain: list[Piece]
    left: list[Piece]
    right: list[Piece]


def order_pieces(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the blocks of a page in reading order. A block has the pieces of one column between two headings."""
    return [block for block in _order(list(pieces), 0) if block]


def _order(pieces: list[Piece], depth: int) -> Iterator[list[Piece]]:
    parts = _find_columns(pieces) if depth < _DEEPEST else None
    if parts is None:
        yield pieces
        return
    for part in parts:
        for side in filter(None, (part.plain, part.left, part.right)):
            yield from _order(side, depth + 1)


def _find_columns(pieces: list[Piece]) -> list[_Part] | None:
    """Return the parts of which at least one has two columns, or None where there are no columns."""
    if len(pieces) < 2 * _FEWEST:
        return None
    height = median(piece.height for piece in pieces)
    gaps = [gap for gap in _gaps(pieces) if gap[1] > _GUTTER * height]
    falling = sorted(pieces, key=lambda piece: -piece.base)
    for _, _, place in heapq.nsmallest(_TRIED, gaps, key=lambda gap: (gap[0], -gap[1])):
        parts = _make_parts(list(_bands(falling, place)))
        if any(part.left for part in parts):
            return parts
    return None


def _gaps(pieces: list[Piece]) -> Iterator[tuple[int, float, float]]:
    """Give each upright stripe in which no piece begins or ends: how many pieces lie across it, its width and its
    middle."""
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    for start, end in pairwise(sorted({*lefts, *rights})):
        before, begun = bisect_right(rights, start), bisect_right(lefts, start)
        if before >= _FEWEST and len(pieces) - begun >= _FEWEST:
            yield begun - before, end - start, (start + end) / 2


def _bands(falling: list[Piece], place: float) -> Iterator[_Band]:
    """Cut the pieces, which come from above to below, where a space is as wide as the page, and around the pieces that
    lie across."""
    band: list[Piece] = []
    for piece in falling:
        if band and (_lies_across(piece, place) != _lies_across(band[-1], place) or _gap(band[-1], piece) > _BAND):
            yield _make_band(band, place)
            band = []
        band.append(piece)
    yield _make_band(band, place)


def _lies_across(piece: Piece, place: float) -> bool:
    return piece.left < place < piece.right


def _gap(above: Piece, below: Piece) -> float:
    """Return the free space between two pieces, in heights of a line."""
    return (above.base - below.base - below.height) / max(above.height, below.height)


def _make_band(pieces: list[Piece], place: float) -> _Band:
    left = [piece for piece in pieces if piece.right <= place]
    right = [piece for piece in pieces if piece.left >= place]
    if not left and not right:
        return _Band(pieces, "across", left, right)
    if not left or not right:
        return _Band(pieces, "left" if left else "right", left, right)
    is_prose = min(median(piece.units for piece in side) for side in (left, right)) >= _LABEL
    return _Band(pieces, "columns" if is_prose else "table", left, right)


def _make_parts(bands: list[_Band]) -> list[_Part]:
    """Join the bands of columns, with what stands in one column between and below them, and all others."""
    parts: list[_Part] = []
    number = 0
    while number < len(bands):
        end = _end_of_columns(bands, number)
        left = [piece for band in bands[number:end] for piece in band.left]
        right = [piece for band in bands[number:end] for piece in band.right]
        if _are_columns(left, right):
            parts.append(_Part([], left, right))
        else:
            if not parts or parts[-1].left:
                parts.append(_Part([], [], []))
            end = max(end, number + 1)
            parts[-1].plain.extend(piece for band in bands[number:end] for piece in band.pieces)
        number = end
    return parts


def _end_of_columns(bands: list[_Band], start: int) -> int:
    """Return the number behind the last band of the columns that begin at `start`, which is `start` where none do."""
    end = start
    for number, band in enumerate(bands[start:], start):
        if band.kind in ("across", "table") or (number == start and band.kind != "columns"):
            break
        if band.kind == "columns" or _continues(bands[number - 1], band):
            end = number + 1
    return end


def _continues(above: _Band, band: _Band) -> bool:
    """Return whether a band of one side belongs to the columns above it."""
    units = median(piece.units for piece in band.pieces)
    return units >= _PROSE and _gap(above.pieces[-1], band.pieces[0]) < _FAR


def _are_columns(left: list[Piece], right: list[Piece]) -> bool:
    """Tell columns of prose from those of a table."""
    if min(len(left), len(right)) < _FEWEST or not _stand_beside(left, right):
        return False
    least = min(median(piece.units for piece in side) for side in (left, right))
    if _is_written_by_column(left, right):
        return least >= _PROSE or (least >= _LABEL and not _are_aligned(left, right))
    return least >= _PROSE and all(_is_full(side) for side in (left, right))


def _stand_beside(left: list[Piece], right: list[Piece]) -> bool:
    """Return whether the two sides share most of the height of the shorter one."""
    (low, high), (other_low, other_high) = (
        (min(piece.base for piece in side), max(piece.base for piece in side)) for side in (left, right)
    )
    return min(high, other_high) - max(low, other_low) > min(high - low, other_high - other_low) / 2


def _is_written_by_column(left: list[Piece], right: list[Piece]) -> bool:
    """Return whether the file writes the sides after each other."""
    sides = sorted([(piece.order, False) for piece in left] + [(piece.order, True) for piece in right])
    changes = sum(first[1] != second[1] for first, second in pairwise(sides))
    return changes <= _FEW_CHANGES * min(len(left), len(right)) + 1


def _are_aligned(left: list[Piece], right: list[Piece]) -> bool:
    """Return whether the lines of the shorter side stand on the heights of the other side's lines."""
    few, many = sorted((left, right), key=len)
    bases = sorted(piece.base for piece in many)
    return sum(_has_row(piece, bases) for piece in few) >= _ALIGNED * len(few)


def _has_row(piece: Piece, bases: list[float]) -> bool:
    number = bisect_left(bases, piece.base - _SAME_ROW * piece.height)
    return number < len(bases) and bases[number] <= piece.base + _SAME_ROW * piece.height


def _is_full(side: list[Piece]) -> bool:
    """Return whether most lines are about as long as the longest one, as lines of prose are."""
    widths = [piece.right - piece.left for piece in side]
    return median(widths) >= _FULL * max(widths)
