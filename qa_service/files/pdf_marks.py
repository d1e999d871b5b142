"""This module reads what a viewer shows of a PDF beside the content of its pages: filled-in forms, ticks, and notes
that are typed on a page."""

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from pypdfium2 import PdfDocument, PdfPage
from pypdfium2.raw import (
    FLAT_NORMALDISPLAY,
    FPDF_ANNOT_FLAG_HIDDEN,
    FPDF_ANNOT_FREETEXT,
    FPDF_ANNOT_WIDGET,
    FPDF_FORMFIELD_CHECKBOX,
    FPDF_FORMFIELD_RADIOBUTTON,
    FPDF_WCHAR,
    FS_RECTF,
    FPDFAnnot_GetFlags,
    FPDFAnnot_GetFormFieldType,
    FPDFAnnot_GetRect,
    FPDFAnnot_GetStringValue,
    FPDFAnnot_GetSubtype,
    FPDFAnnot_HasKey,
    FPDFAnnot_IsChecked,
    FPDFPage_CloseAnnot,
    FPDFPage_Flatten,
    FPDFPage_GetAnnot,
    FPDFPage_GetAnnotCount,
)

from qa_service.files.pdf_glyphs import Box, Direction, Glyph, Run, turn_box

_TICKED, _OPEN = "☑", "☐"
_BUTTONS = (FPDF_FORMFIELD_CHECKBOX, FPDF_FORMFIELD_RADIOBUTTON)
_DESCENT = 0.2
"""The signs of a line stand above its lower edge by this share of its height."""
_LONGEST_TICK = 2
_LINE = 12.0
"""A typed note that has no look of its own has lines of this height."""


class PageMark(Struct, frozen=True):
    """A `PageMark` is a text at a place of the page that the page's content doesn't have."""

    text: str
    box: Box
    is_button: bool = False
    """It says whether the mark stands for a box to tick. What is drawn there, such as a cross, isn't read."""


def draw_forms(document: PdfDocument, number: int) -> tuple[PdfPage, list[PageMark]]:
    """Return the page of this number, with the forms and notes as parts of its content, and what they don't draw.

    Raises `PdfiumError` where the page is broken.
    """
    page = document[number]
    if not FPDFPage_GetAnnotCount(page):
        return page, []
    marks = list(_find_marks(document, page))
    FPDFPage_Flatten(page, FLAT_NORMALDISPLAY)
    # PDFium shows the new content only after the page is loaded again.
    page.close()
    return document[number], marks


def _find_marks(document: PdfDocument, page: PdfPage) -> Iterator[PageMark]:
    for number in range(FPDFPage_GetAnnotCount(page)):
        with _annotation(page, number) as note:
            if not note or FPDFAnnot_GetFlags(note) & FPDF_ANNOT_FLAG_HIDDEN:
                continue
            kind = FPDFAnnot_GetSubtype(note)
            if kind == FPDF_ANNOT_WIDGET and document.formenv:
                yield from _read_button(document, note)
            elif kind == FPDF_ANNOT_FREETEXT and not FPDFAnnot_HasKey(note, b"AP"):
                yield from _read_note(note)


@contextmanager
def _annotation(page: PdfPage, number: int) -> Iterator[Any]:
    note = FPDFPage_GetAnnot(page, number)
    try:
        yield note
    finally:
        if note:
            FPDFPage_CloseAnnot(note)


def _read_button(document: PdfDocument, note: Any) -> Iterator[PageMark]:
    if FPDFAnnot_GetFormFieldType(document.formenv, note) in _BUTTONS:
        is_ticked = FPDFAnnot_IsChecked(document.formenv, note) == 1
        yield PageMark(_TICKED if is_ticked else _OPEN, _box(note), is_button=True)


def _read_note(note: Any) -> Iterator[PageMark]:
    left, _, right, top = _box(note)
    for number, line in enumerate(_contents(note).splitlines()):
        if line.strip():
            yield PageMark(line.strip(), (left, top - _LINE * (number + 1), right, top - _LINE * number))


def _box(note: Any) -> Box:
    rect = FS_RECTF()
    FPDFAnnot_GetRect(note, rect)
    return rect.left, rect.bottom, rect.right, rect.top


def _contents(note: Any) -> str:
    size = FPDFAnnot_GetStringValue(note, b"Contents", None, 0)
    buffer = ctypes.create_string_buffer(size)
    FPDFAnnot_GetStringValue(note, b"Contents", ctypes.cast(buffer, ctypes.POINTER(FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", "ignore").rstrip("\0")


def add_marks(runs: list[Run], marks: list[PageMark]) -> list[Run]:
    """Return the runs and the marks, turned as most runs are, without what is drawn at a button."""
    buttons = [mark.box for mark in marks if mark.is_button]
    kept = [run for run in runs if len(run.glyphs) > _LONGEST_TICK or not any(map(_lies_in(run), buttons))]
    directions: list[Direction] = [run.direction for run in runs] or ["right"]
    ((direction, _),) = Counter(directions).most_common(1)
    boxes = [turn_box(mark.box, direction) for mark in marks]
    return kept + [
        Run(
            [Glyph(mark.text, box)],
            direction,
            len(runs) + number,
            box[1] + _DESCENT * (box[3] - box[1]),
            box[3] - box[1],
        )
        for number, (mark, box) in enumerate(zip(marks, boxes, strict=True))
    ]


def _lies_in(run: Run) -> Callable[[Box], bool]:
    box = run.glyphs[0].box
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return lambda button: button[0] <= x <= button[2] and button[1] <= y <= button[3]
