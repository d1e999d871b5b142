"""This module reads the text of each page of a PDF, in the order in which people read it. PDFium opens the file and
finds the signs of the pages.

The other modules for PDF follow each other: `pdf_fonts` measures signs, `pdf_marks` draws forms into the pages,
`pdf_glyphs` takes the signs, `pdf_lines` makes lines of them, `pdf_columns` puts those into order, `pdf_tables` finds
tables among them, and `pdf_paragraphs` writes the text with what `pdf_joints` finds between its lines. Those behind
`pdf_glyphs` are computing alone, and need no PDF.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing

from msgspec import Struct
from pypdfium2 import PdfDocument, PdfiumError, PdfPage
from pypdfium2.raw import (
    FPDF_ERR_PASSWORD,
    FPDF_ERR_SECURITY,
    FPDF_PAGEOBJ_IMAGE,
    FPDF_PAGEOBJ_PATH,
    FPDF_PAGEOBJ_SHADING,
)

from qa_service.errors import Unreadable
from qa_service.files.pdf_columns import order_pieces
from qa_service.files.pdf_fonts import BoxFont
from qa_service.files.pdf_glyphs import Direction, Run, count_unknown, find_runs
from qa_service.files.pdf_joints import Vocabulary
from qa_service.files.pdf_lines import make_pieces
from qa_service.files.pdf_marks import add_marks, draw_forms
from qa_service.files.pdf_paragraphs import write_blocks
from qa_service.files.pdf_xfa import read_xfa
from qa_service.files.segment import RawFile, Segment
from qa_service.model import Place

_UNKNOWN = 0.25
"""A page can't be read where the file names no character for this part of its signs."""
_FEW_SIGNS = 100
_COVERED = 0.5
"""A page is a scan where a picture covers this part of it and there are few signs, such as a stamped number."""
_DRAWN = 20
"""A page without text that has this many lines and curves shows something that can't be read."""
_DEEPEST = 3

_FONT = BoxFont()
_FONT.setup()


class _PageText(Struct, frozen=True):
    text: str
    unread: str = ""
    """It says why the page couldn't be read, or not wholly."""


def read_pdf(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each page, also for a blank page and for one that can't be read. Raises `Unreadable` where
    the file can't be opened."""
    with closing(_opened(raw.content)) as document:
        if form := read_xfa(document):
            yield Segment(form, paged=True)
            return
        document.init_forms()
        vocabulary = Vocabulary()
        for index in range(len(document)):
            page = _read_page(document, index, vocabulary)
            label = _read_label(document, index)
            yield Segment(
                page.text,
                page=index + 1,
                pages=len(document),
                paged=True,
                place=Place(label="" if label == str(index + 1) else label),
                unread=page.unread,
            )


def _opened(content: bytes) -> PdfDocument:
    try:
        return PdfDocument(content)
    except PdfiumError as error:
        locked = error.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY)
        raise Unreadable("encrypted" if locked else "damaged") from error


def _read_label(document: PdfDocument, index: int) -> str:
    """Return the label of a page, which is empty where it isn't text."""
    try:
        return str(document.get_page_label(index))
    except UnicodeDecodeError:
        return ""


def _read_page(document: PdfDocument, index: int, vocabulary: Vocabulary) -> _PageText:
    try:
        page, marks = draw_forms(document, index)
        # Each page is closed at once, because an open page takes much memory and a file may have thousands of pages.
        with closing(page), closing(page.get_textpage()) as words:
            runs = find_runs(page, words)
            unknown, signs = count_unknown(runs)
            if unknown > _UNKNOWN * signs:
                known = [run for run in runs if all(glyph.is_known for glyph in run.glyphs)]
                return _PageText(_write_text(known, vocabulary), "no_unicode")
            text = _write_text(add_marks(runs, marks), vocabulary)
            return _PageText(text, "no_text_layer" if signs < _FEW_SIGNS and _is_picture(page, signs) else "")
    except PdfiumError:
        return _PageText("", "damaged")


def _write_text(runs: Sequence[Run], vocabulary: Vocabulary) -> str:
    """Write the text of a page. Where texts lie on it in several directions, that with the most signs comes first."""
    by_direction: dict[Direction, list[Run]] = {}
    for run in runs:
        by_direction.setdefault(run.direction, []).append(run)
    texts = [
        "\n".join(run.text for run in turned)
        if direction == "slanted"
        else write_blocks(order_pieces(make_pieces(turned)), vocabulary)
        for direction, turned in sorted(by_direction.items(), key=lambda item: -sum(len(run.glyphs) for run in item[1]))
    ]
    return "\n\n".join(filter(None, texts)).strip()


def _is_picture(page: PdfPage, signs: int) -> bool:
    """Return whether the page shows a picture in place of text."""
    drawn = 0
    area = page.get_width() * page.get_height()
    for shown in page.get_objects(max_depth=_DEEPEST):
        drawn += shown.type == FPDF_PAGEOBJ_PATH
        if shown.type in (FPDF_PAGEOBJ_IMAGE, FPDF_PAGEOBJ_SHADING):
            left, bottom, right, top = shown.get_bounds()
            if not signs or (right - left) * (top - bottom) > _COVERED * area:
                return True
    return not signs and drawn >= _DRAWN
