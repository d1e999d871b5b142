"""This module takes the glyphs of a PDF's page from PDFium, as runs of glyphs in the direction in which they are read.

Everything behind this module computes in *reading coordinates*. There a text runs to the right and its lines follow
each other downwards, however it lies on the page: x grows along a line, and y falls from line to line.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Literal, TypeAlias

from msgspec import Struct
from pypdfium2 import PdfPage, PdfTextPage
from pypdfium2.raw import (
    FS_MATRIX,
    FS_RECTF,
    FPDFText_GetCharAngle,
    FPDFText_GetCharOrigin,
    FPDFText_GetFontSize,
    FPDFText_GetLooseCharBox,
    FPDFText_GetMatrix,
    FPDFText_GetUnicode,
    FPDFText_HasUnicodeMapError,
    FPDFText_IsGenerated,
)

Direction: TypeAlias = Literal["right", "up", "left", "down", "vertical", "slanted"]
"""A `Direction` says how a text lies on its page. The signs of a `vertical` text are upright and stand below each
other, and the signs of the others are turned with the text."""
Box: TypeAlias = tuple[float, float, float, float]
"""A box has its left, lower, right and upper edge."""

_QUARTERS: tuple[Direction, ...] = ("right", "down", "left", "up")
"""PDFium measures the angle of a sign clockwise."""
_SLANT = 0.1
"""A text that is turned by more than this many radians from a quarter of a turn is slanted."""
_HYPHEN = 2
"""PDFium writes this for a hyphen at the end of a line."""
_SPACE = ord(" ")
_LEAST_HEIGHT = 0.1
_SAME = 0.05
"""The heights at which the signs of a run stand differ by less than this part of their size."""
_NEAR = 0.9
"""A run ends where a gap is wider than this part of its height."""
_WIDE = 0x1100
"""Signs that are written below each other begin in Unicode at this number."""
_SHORTEST_CHAIN = 4
_FEW_SIGNS = 3
"""In a vertical text this many signs may stand beside each other, such as the digits of a day."""


class Glyph(Struct, frozen=True):
    """A `Glyph` is one sign. Its `box` is in the coordinates of the page or, in a run, in reading coordinates."""

    text: str
    box: Box
    is_known: bool = True
    """It is false where the file doesn't say which character the sign is."""


class Run(Struct):
    """A `Run` is a piece of a line, whose glyphs have one size and follow each other in the file."""

    glyphs: list[Glyph]
    direction: Direction
    order: int
    """This is its number among the runs of the page, in the order of the file."""
    base: float
    """On this height the signs stand."""
    height: float
    """This is the size of the font, which is about the height of a line."""
    shift: Literal["", "raised", "lowered"] = ""
    """It says whether the run is a small raised or lowered part of the line."""

    @property
    def left(self) -> float:
        return min(self.glyphs[0].box[0], self.glyphs[-1].box[0])

    @property
    def right(self) -> float:
        return max(self.glyphs[-1].box[2], self.glyphs[0].box[2])

    @property
    def text(self) -> str:
        return "".join(glyph.text for glyph in self.glyphs)


def find_runs(page: PdfPage, words: PdfTextPage) -> list[Run]:
    """Return the runs of the page in the order of the file, without the glyphs beside the page, which nobody sees."""
    runs = list(_find_runs(words, page.get_bbox()))
    _turn_vertical(runs)
    for run in runs:
        run.glyphs = _joined_halves(run.glyphs)
    return runs


def _find_runs(words: PdfTextPage, shown: Box) -> Iterator[Run]:
    run, order = None, 0
    for number, direction, glyph in _glyphs(words, shown):
        if run and run.direction == direction and _goes_on(run, glyph.box, number, words):
            run.glyphs.append(glyph)
            continue
        if run:
            yield run
        base, height = _base(glyph.box, direction, number, words), _height(glyph.box, number, words)
        run = Run([glyph], direction, order, base, height)
        order += 1
    if run:
        yield run


def _glyphs(words: PdfTextPage, shown: Box) -> Iterator[tuple[int, Direction, Glyph]]:
    """Give the number, the direction and the glyph of each sign that lies within the box `shown`."""
    raw, rect = words.raw, FS_RECTF()
    place = ctypes.byref(rect)
    left, bottom, right, top = shown
    for number in range(words.count_chars()):
        code = FPDFText_GetUnicode(raw, number)
        if code <= _SPACE and code != _HYPHEN and (code < _SPACE or FPDFText_IsGenerated(raw, number) == 1):
            continue
        FPDFText_GetLooseCharBox(raw, number, place)
        box = (rect.left, rect.bottom, rect.right, rect.top)
        if box[0] > right or box[2] < left or box[1] > top or box[3] < bottom:
            continue
        angle = FPDFText_GetCharAngle(raw, number)
        direction = _direction(angle) if angle else "right"
        text = "-" if code == _HYPHEN else chr(code)
        is_known = FPDFText_HasUnicodeMapError(raw, number) != 1
        yield number, direction, Glyph(text, turn_box(box, direction) if angle else box, is_known)


def _direction(angle: float) -> Direction:
    quarter = round(angle / (math.pi / 2))
    is_slanted = abs(angle - quarter * math.pi / 2) > _SLANT
    return "slanted" if is_slanted else _QUARTERS[quarter % 4]


def _goes_on(run: Run, box: Box, number: int, words: PdfTextPage) -> bool:
    if run.direction == "slanted":
        return True
    last, height = run.glyphs[-1].box, run.height
    # In some fonts each sign has a box of its own height.
    is_level = abs(last[1] - box[1]) + abs(last[3] - box[3]) < _SAME * height
    if not is_level and not _has_same_line(run, box, number, words):
        return False
    # The signs of Arabic and Hebrew follow each other to the left.
    is_after = -height / 2 < box[0] - last[2] < _NEAR * height
    return is_after or -height / 2 < last[0] - box[2] < height / 2


def _has_same_line(run: Run, box: Box, number: int, words: PdfTextPage) -> bool:
    shift = abs(_base(box, run.direction, number, words) - run.base)
    return shift < _SAME * run.height and abs(_height(box, number, words) - run.height) < _SAME * run.height


def turn_box(box: Box, direction: Direction) -> Box:
    """Turn a box of the page into reading coordinates."""
    left, bottom, right, top = box
    match direction:
        case "up":
            return bottom, -right, top, -left
        case "left":
            return -right, -top, -left, -bottom
        case "down" | "vertical":
            return -top, left, -bottom, right
    return box


def _base(box: Box, direction: Direction, number: int, words: PdfTextPage) -> float:
    if direction == "slanted":
        return box[1]
    x, y = ctypes.c_double(), ctypes.c_double()
    FPDFText_GetCharOrigin(words.raw, number, x, y)
    return turn_box((x.value, y.value, x.value, y.value), direction)[1]


def _height(box: Box, number: int, words: PdfTextPage) -> float:
    matrix = FS_MATRIX()
    FPDFText_GetMatrix(words.raw, number, matrix)
    size = FPDFText_GetFontSize(words.raw, number) * math.hypot(matrix.c, matrix.d)
    return size if size > _LEAST_HEIGHT else max(box[3] - box[1], _LEAST_HEIGHT)


def _turn_vertical(runs: list[Run]) -> None:
    """Find vertical writing, in which each sign stands below the one before, and turn it."""
    chains = [found for found in _chains(runs) if len(found) > 1 or len(found[0].glyphs) <= _FEW_SIGNS]
    vertical = [found for found in chains if len(found) >= _SHORTEST_CHAIN]
    upright = sum(len(run.glyphs) for run in runs if run.direction == "right")
    if 2 * sum(map(len, vertical)) > upright:
        # On a page of vertical writing also what is short belongs to it, such as the last sign of a sentence.
        vertical = chains
    for run in chain.from_iterable(vertical):
        run.direction = "vertical"
        run.glyphs = [Glyph(glyph.text, turn_box(glyph.box, "vertical"), glyph.is_known) for glyph in run.glyphs]
        run.base = run.glyphs[0].box[1]


def _chains(runs: list[Run]) -> Iterator[list[Run]]:
    """Cut the upright runs into chains of short ones that stand below each other. A long run is a chain of its own."""
    chained: list[Run] = []
    for run in runs:
        if run.direction != "right":
            continue
        if chained and not _is_below(chained[-1], run):
            yield chained
            chained = []
        chained.append(run)
    if chained:
        yield chained


def _is_below(run: Run, other: Run) -> bool:
    if max(len(run.glyphs), len(other.glyphs)) > _FEW_SIGNS or ord(other.glyphs[0].text) < _WIDE:
        return False
    above, below = run.glyphs[0].box, other.glyphs[0].box
    height = above[3] - above[1]
    middle = (above[0] + above[2] - below[0] - below[2]) / 2
    return abs(middle) < height / 2 and abs(above[1] - below[3]) < height / 2


def _joined_halves(glyphs: list[Glyph]) -> list[Glyph]:
    """Join the halves of signs that UTF-16 writes in two numbers."""
    if not any("\ud800" <= glyph.text <= "\udfff" for glyph in glyphs):
        return glyphs
    text = "".join(glyph.text for glyph in glyphs).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = [glyph for glyph in glyphs if not "\udc00" <= glyph.text <= "\udfff"]
    return [Glyph(sign, glyph.box, glyph.is_known) for sign, glyph in zip(text, whole, strict=False)]


def count_unknown(runs: Sequence[Run]) -> tuple[int, int]:
    """Return how many of the runs' signs the file names no character for, and how many signs there are."""
    signs = [glyph for run in runs for glyph in run.glyphs if not glyph.text.isspace()]
    return sum(not glyph.is_known for glyph in signs), len(signs)
