"""This module makes a document of a web page: its main text, in passages that know the headings above them."""

from collections.abc import Iterator

from qa_service.files.limits import LONGEST_PLACE_NAME
from qa_service.files.parsed import WebPage
from qa_service.knowledge.documents import DocumentPassage, DocumentText
from qa_service.retrieval.splitting import split_passages

LARGEST_PAGE = 5 << 20
"""A page of HTML has at most this many bytes."""


def read_web_page(page: WebPage) -> DocumentText:
    """Return the main text of a page."""
    passages = tuple(_passages(page))
    return DocumentText(passages, "html", None if passages else "empty", pages=1)


def _passages(page: WebPage) -> Iterator[DocumentPassage]:
    """Give the passages of a page. Each knows the headings above it and the page's trail, by which it is found too."""
    for section in page.sections:
        path = " › ".join(dict.fromkeys((*page.trail, *section.headings)))
        for block in section.blocks:
            for text in split_passages(f"{block}\n\n"):
                yield DocumentPassage(text, section=path[:LONGEST_PLACE_NAME], paged=False, anchor=section.anchor)
