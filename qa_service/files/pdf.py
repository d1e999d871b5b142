"""This module reads the text of each page of a PDF with PDFium."""

import re
from collections.abc import Iterator
from contextlib import closing

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment
from qa_service.model import Place

# Where a hyphen breaks a word at the end of a line, PDFium writes U+FFFE for the hyphen.
_BROKEN_WORD = re.compile("\ufffe(?:\r?\n)?")


def read_pdf(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each page, also for a blank page.

    A page that can't be read has an empty text. After the last page `Unreadable` is raised if one of them couldn't be
    read, or if none of them has any text.
    """
    document = _opened(raw.content)
    whole, blank = True, True
    for index in range(len(document)):
        text = _text(document, index)
        whole, blank = whole and text is not None, blank and not text
        label = document.get_page_label(index)
        yield Segment(
            text or "",
            page=index + 1,
            pages=len(document),
            paged=True,
            place=Place(label="" if label == str(index + 1) else label),
        )
    if not whole:
        raise Unreadable("damaged")
    if blank:
        raise Unreadable("no_text_layer")


def _opened(content: bytes) -> PdfDocument:
    try:
        return PdfDocument(content)
    except PdfiumError as error:
        locked = error.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY)
        raise Unreadable("encrypted" if locked else "damaged") from error


def _text(document: PdfDocument, index: int) -> str | None:
    """Return the text of a page, or None where the page is broken."""
    try:
        # Each page is closed at once, because an open page takes much memory and a file may have thousands of pages.
        with closing(document[index]) as page, closing(page.get_textpage()) as words:
            text = words.get_text_range()
    except PdfiumError:
        return None
    return _BROKEN_WORD.sub("", text).strip()
