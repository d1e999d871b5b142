"""This module reads what was fetched of a site: a page with its main text and its links, or another file as it is."""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from qa_service.crawling.fetching import Fetched
from qa_service.crawling.markup import Markup, may_keep, read_markup
from qa_service.files.segment import RawFile
from qa_service.files.webpage import WebPage, extract_page
from qa_service.knowledge.documents import DocumentPassage, DocumentText
from qa_service.retrieval.splitting import split_passages

LARGEST_PAGE = 5 << 20
"""A page of HTML has at most so many bytes. Other files have the bounds of fetching alone."""
LONGEST_SECTION = 300
_HTML = ("text/html", "application/xhtml+xml")


class PageReading(Struct, frozen=True):
    """A `PageReading` is what a page or a file of a site says."""

    markup: Markup
    digest: str
    """It is the same for two versions of a page that have the same title and main text, and for two files with the same
    bytes."""
    text: DocumentText | None = None
    """This is the main text of a page. It is None for a file, which is read like one that somebody sends."""


def is_html(fetched: Fetched) -> bool:
    """Tell whether this is a page of HTML."""
    return fetched.media_type in _HTML or (not fetched.media_type and fetched.content.lstrip()[:1] == b"<")


def read_fetched(fetched: Fetched, address: str) -> PageReading:
    """Read what was fetched from this address."""
    if not is_html(fetched):
        digest = hashlib.sha256(fetched.content).hexdigest()
        return PageReading(Markup(may_keep=may_keep(fetched.robots)), digest)
    html = RawFile(fetched.content, fetched.charset).markup()
    markup, page = read_markup(html, address, fetched.robots), extract_page(html)
    passages = tuple(_passages(page))
    text = DocumentText(passages, "html", None if passages else "empty", pages=1)
    return PageReading(markup, _digest(page.title, passages), text)


def _passages(page: WebPage) -> Iterator[DocumentPassage]:
    """Give the passages of a page. Each knows the headings above it and the page's trail, by which it is found too."""
    for section in page.sections:
        path = " › ".join(dict.fromkeys((*page.trail, *section.headings)))
        for block in section.blocks:
            for text in split_passages(f"{block}\n\n"):
                yield DocumentPassage(text, section=path[:LONGEST_SECTION], paged=False, anchor=section.anchor)


def _digest(title: str, passages: tuple[DocumentPassage, ...]) -> str:
    digest = hashlib.sha256(title.encode(errors="replace"))
    for passage in passages:
        digest.update(f"\0{passage.section}\0{passage.anchor}\0{passage.text}".encode(errors="replace"))
    return digest.hexdigest()
