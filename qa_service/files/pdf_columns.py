"""This module puts the pieces of a page into the order in which people read them: column after column, and within a
column from above to below."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from qa_service.files.pdf_lines import Piece

_DEEPEST = 6
"""A column may have columns itself, and so on, but not deeper than this."""
_FEWEST = 3
"""A column has at least so many pieces."""
_GUTTER = 0.5
"""The space between two columns is at least so wide, in heights of a line."""
_CROSSING = 0.3
"""At most this part of the pieces lies across the space between two columns, such as headings."""
_BAND = 1.8
"""Where no text stands for so many heights of a line, another arrangement of columns may begin."""
_PROSE = 14
"""A line of prose has at least so many letters."""
_FULL = 0.75
"""A line of a column is at least so wide, as a part of the column's width."""
_LABEL = 8
_ALIGNED = 0.8
_SAME_ROW = 0.3
_FEW_CHANGES = 0.3


def order_pieces(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the blocks of a page in reading order. A block has the pieces of one column between two headings."""
    return [block for block in _order(list(pieces), 0) if block]


def _order(pieces: list[Piece], depth: int) -> Iterator[list[Piece]]:
    place = _find_gutter(pieces) if depth < _DEEPEST else None
    if place is not None:
        for part in _parts_beside(pieces, place):
            yield from _order(part, depth + 1)
        return
    bands = list(_bands(pieces)) if depth < _DEEPEST else [pieces]
    if len(bands) > 1 and any(_find_gutter(band) is not None for band in bands):
        for band in _rejoined(bands):
            yield from _order(band, depth + 1)
        return
    yield pieces


def _find_gutter(pieces: list[Piece]) -> float | None:
    """Return the middle of the space between two columns, or None where there are no columns."""
    if len(pieces) < 2 * _FEWEST:
        return None
    found = _widest_gap(pieces)
    if found is None:
        return None
    crossing, width, place = found
    height = median(piece.height for piece in pieces)
    if width < _GUTTER * height or crossing > _CROSSING * len(pieces):
        return None
    return place if _are_columns(pieces, place) else None


def _widest_gap(pieces: list[Piece]) -> tuple[int, float, float] | None:
    """Return how many pieces lie across the best gap, its width and its middle. The best gap is crossed by the fewest
    pieces, and is the widest of those."""
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    best: tuple[int, float, float] | None = None
    for start, end in pairwise(sorted({*lefts, *rights})):
        before, begun = bisect_right(rights, start), bisect_right(lefts, start)
        if before < _FEWEST or len(pieces) - begun < _FEWEST:
            continue
        crossing = begun - before
        if best is None or (crossing, start - end) < (best[0], -best[1]):
            best = crossing, end - start, (start + end) / 2
    return best


def _are_columns(pieces: list[Piece], place: float) -> bool:
    """Tell columns of prose from those of a table."""
    left = [piece for piece in pieces if piece.right <= place]
    right = [piece for piece in pieces if piece.left >= place]
    if min(len(left), len(right)) < _FEWEST or not _stand_beside(left, right):
        return False
    least = min(median(piece.units for piece in side) for side in (left, right))
    if _is_written_by_column(left, right, len(pieces) - len(left) - len(right)):
        return least >= _PROSE or (least >= _LABEL and not _are_aligned(left, right))
    return least >= _PROSE and all(_is_full(side) for side in (left, right))


def _stand_beside(left: list[Piece], right: list[Piece]) -> bool:
    """Return whether the two sides share most of the height of the shorter one."""
    (low, high), (other_low, other_high) = (
        (min(piece.base for piece in side), max(piece.base for piece in side)) for side in (left, right)
    )
    return min(high, other_high) - max(low, other_low) > min(high - low, other_high - other_low) / 2


def _is_written_by_column(left: list[Piece], right: list[Piece], crossing: int) -> bool:
    """Return whether the file writes the sides after each other, at least between two headings."""
    sides = sorted([(piece.order, False) for piece in left] + [(piece.order, True) for piece in right])
    changes = sum(first[1] != second[1] for first, second in pairwise(sides))
    return changes <= _FEW_CHANGES * min(len(left), len(right)) + 1 + 2 * crossing


def _are_aligned(left: list[Piece], right: list[Piece]) -> bool:
    """Return whether the lines of the shorter side stand on the heights of the other side's lines."""
    few, many = sorted((left, right), key=len)
    bases = sorted(piece.base for piece in many)
    return sum(_has_row(piece, bases) for piece in few) >= _ALIGNED * len(few)


def _has_row(piece: Piece, bases: list[float]) -> bool:
    number = bisect_left(bases, piece.base - _SAME_ROW * piece.height)
    return number < len(bases) and bases[number] <= piece.base + _SAME_ROW * piece.height


def _is_full(side: list[Piece]) -> bool:
    """Return whether most lines reach from the left edge of the column to the right one."""
    width = max(piece.right for piece in side) - min(piece.left for piece in side)
    return median(piece.right - piece.left for piece in side) >= _FULL * width


def _parts_beside(pieces: list[Piece], place: float) -> Iterator[list[Piece]]:
    """Give the left and the right side between the pieces that lie across, and those pieces."""
    sides: dict[str, list[Piece]] = {"left": [], "right": [], "across": []}
    for piece in sorted(pieces, key=lambda piece: -piece.base):
        side = "left" if piece.right <= place else "right" if piece.left >= place else "across"
        for other in ("left", "right") if side == "across" else ("across",):
            if sides[other]:
                yield sides[other]
                sides[other] = []
        sides[side].append(piece)
    yield from filter(None, sides.values())


def _bands(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Cut the pieces where no text stands for some lines."""
    band: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.base):
        if band and band[-1].base - piece.base - piece.height > _BAND * median((band[-1].height, piece.height)):
            yield band
            band = []
        band.append(piece)
    if band:
        yield band


def _rejoined(bands: Iterable[list[Piece]]) -> Iterator[list[Piece]]:
    """Join neighbouring bands of which none has columns, so that they stay one block."""
    plain: list[Piece] = []
    for band in bands:
        if _find_gutter(band) is None:
            plain += band
            continue
        yield from filter(None, (plain, band))
        plain = []
    yield from filter(None, (plain,))
