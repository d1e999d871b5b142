"""This module reads the text of HTML that somebody sees who looks at the page. Each heading begins a segment."""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from qa_service.files.rendering import render_sections
from qa_service.files.segment import RawFile, Segment
from qa_service.files.visibility import Visibility


def read_html(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading. The heading is the segment's first line and its section. The text before the
    first heading is a segment too, with the page's title as its section. A long table comes in several segments."""
    yield from read_hypertext(raw.markup())


def read_hypertext(html: str) -> Iterator[Segment]:
    """Give the segments of a page that is decoded already, as `read_html` does."""
    page = LexborHTMLParser(html)
    title = page.css_first("head title")
    start = " ".join(title.text().split()) if title else ""
    for section in render_sections(page.root, Visibility(page).is_seen) if page.root else ():
        for block in section.blocks:
            yield Segment(f"{block}\n\n", section=section.headings[-1] if section.headings else start)
