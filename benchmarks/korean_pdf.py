"""This module writes PDFs whose text may be Korean."""

import logging
from collections.abc import Iterable

from fpdf import FPDF

FONT = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
"""This font comes with Debian's package fonts-nanum."""


def write_pdf(pages: Iterable[str], *, size: int, line: int) -> bytes:
    """Write a PDF with these pages. The letters have this many points, and the lines this many millimetres."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns of what a PDF doesn't need
    document = FPDF()
    document.add_font("Nanum", fname=FONT)
    document.set_font("Nanum", size=size)
    for page in pages:
        document.add_page()
        document.multi_cell(0, line, page)
    return bytes(document.output())
