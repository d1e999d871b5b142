"""This module makes lines of the runs of glyphs that lie on a page of a PDF, and writes the text of each piece of a
line.

A *row* is what stands on one height across the page. It consists of *pieces*, between which there are wide gaps, such
as those between columns.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import Literal, TypeAlias, TypeVar
from unicodedata import bidirectional

from msgspec import Struct
from msgspec.structs import replace

from qa_service.files.pdf_glyphs import Glyph, Run
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.language.stems import JOSA

_SMALL = 0.88
"""A raised or lowered run is at most this high, as a part of the height of its line."""
_LONGEST_SHIFTED = 6
_RAISED_BY = (0.12, 0.9)
_LOWERED_BY = (-0.5, -0.08)
"""Such a run stands this far above or below the line, as a part of the line's height."""
_BESIDE = 0.4

_SAME_ROW = 0.3
"""What stands on one height differs by at most this many heights of the line."""
_CUT = 0.9
_CUT_OF_ORDER = 0.6
"""A gap of this many heights cuts a row into pieces. Where the file writes the two sides at different moments, a
smaller gap does."""

_CELL_GAP = 0.45
"""A gap of this many heights is wider than a space."""
_LETTER_GAP = 0.15
_SIGN_GAP = 0.17
"""Between two letters, and between two Korean, Chinese or Japanese signs, a gap is a space if it is wider than the
usual gap by this many heights."""
_MORE_BESIDE_SPACES = 0.15
"""Where the file writes other spaces of the line, a gap must be wider by this much. Some programs set figures a little
apart from Korean letters."""
_MOST_USUAL = (0.1, 0.35)
_FEWEST_GAPS = 6
_SIGN = re.compile("[ᄀ-ᇿ⺀-鿿가-힣豈-﫿＀-￯\U00020000-\U0003ffff]")
_OWN_BULLET = re.compile(r"^[\ue000-\uf8ff](?= |$)")
"""Fonts of symbols have characters of their own, and at the beginning of a line they are bullets."""
_WORD_END = re.compile(f"(?:{JOSA}|[고며면여니게지한할된될는던다및등])$")
_BRACKET = re.compile(r"[()\[\]{}]")
_TURNED = str.maketrans("()[]{}", ")(][}{")
_FIRST_SIGN = "\u1100"
_SPACES = re.compile(r"\s+")

_Gap: TypeAlias = tuple[int, float]
"""This is the number of the glyph behind a gap, and the gap's width in heights of the line."""


class Piece(Struct, frozen=True):
    """A `Piece` is a part of a row. Its places are in reading coordinates."""

    text: str
    left: float
    right: float
    base: float
    height: float
    order: int = 0
    """This is its number among the runs of the page, in the order of the file."""
    ends_with_space: bool = False
    """It says whether the file has a space at the end, which isn't part of the text."""
    spaces: tuple[float, ...] = ()
    """These are the widths of the spaces within the text."""
    first_word: float = 0.0
    """This is the width of the first word."""
    parts: tuple["Piece", ...] = ()
    """Where the text has gaps that are wider than spaces, these are its parts between them. They may be cells of a
    table."""

    @property
    def units(self) -> int:
        """Return the length of the text, in which a Korean, Chinese or Japanese sign counts for two letters."""
        return len(self.text) + len(_SIGN.findall(self.text))


_OnLine = TypeVar("_OnLine", Run, Piece)


def is_sign(text: str) -> bool:
    """Return whether the first character is Korean, Chinese or Japanese."""
    return text[:1] >= _FIRST_SIGN and bool(_SIGN.match(text))


def ends_like_word(text: str) -> bool:
    """Return whether a Korean word could end with the text."""
    return bool(_WORD_END.search(text))


def make_pieces(runs: Sequence[Run]) -> list[Piece]:
    """Make the pieces of the runs, which all have the same direction, from above to below and from left to right."""
    _mark_shifts(runs)
    return [piece for row in gather_rows(runs) for part in _cut_row(row) if (piece := _make_piece(part)) and piece.text]


def _mark_shifts(runs: Sequence[Run]) -> None:
    """Find raised and lowered numbers, and put them on the height of the line that they stand in."""
    for number, run in enumerate(runs):
        if len(run.glyphs) > _LONGEST_SHIFTED:
            continue
        for other in (*runs[max(0, number - 1) : number], *runs[number + 1 : number + 2]):
            shift = (run.base - other.base) / other.height
            if other.shift or not _is_small_beside(run, other):
                continue
            if _RAISED_BY[0] < shift < _RAISED_BY[1] or _LOWERED_BY[0] < shift < _LOWERED_BY[1]:
                run.shift = "raised" if shift > 0 else "lowered"
                run.base = other.base
                break


def _is_small_beside(run: Run, other: Run) -> bool:
    gap = max(run.left - other.right, other.left - run.right)
    return run.height <= _SMALL * other.height and -other.height / 2 < gap < _BESIDE * other.height


def gather_rows(placed: Iterable[_OnLine]) -> Iterator[list[_OnLine]]:
    """Give what stands on one height together, from above to below."""
    row: list[_OnLine] = []
    for one in sorted(placed, key=lambda one: -one.base):
        if row and row[0].base - one.base > _SAME_ROW * min(row[0].height, one.height):
            yield row
            row = []
        row.append(one)
    if row:
        yield row


def _cut_row(row: list[Run]) -> Iterator[list[Run]]:
    row.sort(key=lambda run: (run.left, run.order))
    part = [row[0]]
    right = row[0].right
    for before, run in pairwise(row):
        if run.right <= right and run.text.isspace():
            # Some programs draw the spaces of a line behind its words.
            continue
        gap = (run.left - right) / max(before.height, run.height)
        if gap > _CUT or (gap > _CUT_OF_ORDER and abs(run.order - before.order) > 1):
            yield part
            part = []
        part.append(run)
        right = max(right, run.right)
    yield part


def _make_piece(runs: list[Run]) -> Piece:
    if is_turned := _runs_to_the_left(runs):
        runs = _turn_runs(runs)
    height = max(runs, key=lambda run: (not run.shift, len(run.glyphs))).height
    glyphs = [glyph for run in runs for glyph in run.glyphs]
    gaps = _find_spaces(glyphs, height)
    inner = _without_outer_spaces(glyphs)
    between = list(_find_word_ends(inner, gaps, glyphs))
    text = _OWN_BULLET.sub("•", _SPACES.sub(" ", _write_runs(runs, gaps)).strip())
    return Piece(
        _turn_brackets(text) if is_turned else text,
        left=min(glyph.box[0] for glyph in glyphs),
        right=max(glyph.box[2] for glyph in (glyphs[inner.start], glyphs[inner.stop - 1])),
        base=runs[0].base,
        height=height,
        order=min(run.order for run in runs),
        ends_with_space=glyphs[-1].text.isspace(),
        spaces=tuple(glyphs[after].box[0] - glyphs[before].box[2] for before, after in between),
        first_word=glyphs[between[0][0] if between else inner.stop - 1].box[2] - glyphs[inner.start].box[0],
        parts=_make_parts(
            runs, [after for before, after in between if _is_wide(glyphs[before], glyphs[after], height)]
        ),
    )


def _is_wide(before: Glyph, after: Glyph, height: float) -> bool:
    return _gap(before, after) > _CELL_GAP * height


def _make_parts(runs: list[Run], cuts: list[int]) -> tuple[Piece, ...]:
    """Make a piece of each part of the runs between the glyphs with these numbers."""
    parts: list[list[Run]] = [[]]
    number, left = 0, deque(cuts)
    for run in runs:
        first = 0
        while left and left[0] < number + len(run.glyphs):
            cut = left.popleft() - number
            parts[-1] += [replace(run, glyphs=run.glyphs[first:cut])] if cut > first else []
            parts.append([])
            first = cut
        parts[-1].append(replace(run, glyphs=run.glyphs[first:]))
        number += len(run.glyphs)
    return tuple(map(_make_piece, parts)) if cuts else ()


def _runs_to_the_left(runs: list[Run]) -> bool:
    """Tell whether most letters of a line are Arabic or Hebrew ones, so that it is read to the left."""
    ways = Counter(map(_find_way, (sign for run in runs for sign in run.text)))
    return ways["left"] > ways["right"]


def _find_way(sign: str) -> Literal["left", "right", ""]:
    way = bidirectional(sign)
    return "left" if way in ("R", "AL") else "right" if way == "L" else ""


def _turn_runs(runs: list[Run]) -> list[Run]:
    """Put the runs of a line into the order in which they are read to the left. Numbers and Latin words in it are read
    to the right."""
    turned = list[Run]()
    for is_left, group in groupby(reversed(runs), lambda run: any(_find_way(sign) == "left" for sign in run.text)):
        found = list(group)
        turned += found if is_left else found[::-1]
    return turned


def _turn_brackets(text: str) -> str:
    """Some programs name the brackets of a line that is read to the left by their looks. Then the closing one comes
    first."""
    first = _BRACKET.search(text)
    return text.translate(_TURNED) if first and first[0] in ")]}" else text


def _without_outer_spaces(glyphs: list[Glyph]) -> range:
    shown = [number for number, glyph in enumerate(glyphs) if not glyph.text.isspace()]
    return range(shown[0], shown[-1] + 1) if shown else range(len(glyphs))


def _find_word_ends(inner: range, gaps: set[int], glyphs: list[Glyph]) -> Iterator[tuple[int, int]]:
    """Give the numbers of the last glyph of each word and of the first one of the next word."""
    last = inner.start
    for number in inner[1:]:
        if glyphs[number].text.isspace():
            continue
        if number in gaps or number > last + 1:
            yield last, number
        last = number


def _find_spaces(glyphs: list[Glyph], height: float) -> set[int]:
    """Return the numbers of those glyphs before which there is a space that the file has only as a gap."""
    # Letters and signs may all stand a little apart, as in a line that is spread to the margin.
    letters, signs = list[_Gap](), list[_Gap]()
    before, more = glyphs[0], _MORE_BESIDE_SPACES if any(glyph.text == " " for glyph in glyphs) else 0.0
    for number, glyph in enumerate(glyphs[1:], start=1):
        if not before.text.isspace() and not glyph.text.isspace():
            is_pair = before.text >= _FIRST_SIGN and is_sign(before.text) and is_sign(glyph.text)
            (signs if is_pair else letters).append((number, _gap(before, glyph) / height))
        before = glyph
    return _wide_gaps(letters, _LETTER_GAP + more, _MOST_USUAL[0]) | _wide_gaps(signs, _SIGN_GAP, _MOST_USUAL[1])


def _wide_gaps(gaps: list[_Gap], width: float, most: float) -> set[int]:
    usual = min(max(median([gap for _, gap in gaps]), 0.0), most) if len(gaps) >= _FEWEST_GAPS else 0.0
    return {number for number, gap in gaps if gap > usual + width}


def _gap(before: Glyph, glyph: Glyph) -> float:
    gap = glyph.box[0] - before.box[2]
    # The signs of Arabic and Hebrew follow each other to the left.
    return gap if gap > -before.box[2] + before.box[0] else before.box[0] - glyph.box[2]


def _write_runs(runs: list[Run], spaces: set[int]) -> str:
    parts: list[str] = []
    number, before = 0, ""
    for run in runs:
        written = ""
        for glyph in run.glyphs:
            written += f" {glyph.text}" if number in spaces else glyph.text
            number += 1
        parts.append(_mark_shifted(written, run, before))
        before = parts[-1].rstrip()[-1:] or before
    return "".join(parts)


def _mark_shifted(written: str, run: Run, before: str) -> str:
    """Write a raised or lowered number in signs of its own, unless it begins the line as the number of a note does."""
    if not run.shift:
        return written
    shown = raise_digits(written) if run.shift == "raised" else lower_digits(written)
    return f"{written.strip()} " if not before and shown != written else shown
