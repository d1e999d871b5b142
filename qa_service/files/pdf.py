"""PDF: the text of each page, by PDFium."""

import re
from collections.abc import Iterator
from contextlib import closing

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

from qa_service.errors import Unreadable
from qa_service.files.piece import Piece, Source

# PDFium writes the hyphen that breaks a word at a line's end as U+FFFE; the word goes on behind it.
_BROKEN_WORD = re.compile("\ufffe(?:\r?\n)?")


def pieces(source: Source) -> Iterator[Piece]:
    """One piece a page, blank ones too. Pages that can't be read are told of behind the others."""
    document = _opened(source.content)
    whole, blank = True, True
    for index in range(len(document)):
        text = _text(document, index)
        whole, blank = whole and text is not None, blank and not text
        label = document.get_page_label(index)
        yield Piece(
            text or "",
            page=index + 1,
            pages=len(document),
            section="" if label == str(index + 1) else label,
            paged=True,
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
    """The page's text, or None where the page is broken."""
    try:
        # Closed at once: what PDFium keeps of a page is much, and a file may have thousands.
        with closing(document[index]) as page, closing(page.get_textpage()) as words:
            text = words.get_text_range()
    except PdfiumError:
        return None
    return _BROKEN_WORD.sub("", text).strip()
