"""This module parses what was fetched from a website. It runs in a reading process."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.hints import find_hints
from qa_service.files.limits import LONGEST_PLACE_NAME
from qa_service.files.nesting import is_overnested
from qa_service.files.parsed import (
    DOCUMENT_PAGE,
    MOST_ABOVE,
    MOST_PAGE_CHARACTERS,
    PAGE,
    SITEMAP,
    PageSection,
    Parsed,
    WebPage,
)
from qa_service.files.segment import RawFile
from qa_service.files.sitemap import list_addresses
from qa_service.files.sniffing import sniff_kind
from qa_service.files.webpage import extract_page


def parse_content(request: bytes, content: bytes, charset: str = "") -> Parsed:
    """Parse what was fetched, as the request says. Raises `Unreadable`, and whatever a parser raises."""
    return _PARSERS[request](RawFile(content, charset))


def _parse_page(raw: RawFile) -> Parsed:
    html = raw.markup()
    if is_overnested(html):
        raise Unreadable("overnested")
    page = extract_page(html)
    if page.size > MOST_PAGE_CHARACTERS:
        raise Unreadable("too_large")
    return Parsed(_shorten(page), find_hints(html))


def _parse_document_page(raw: RawFile) -> Parsed:
    if sniff_kind(raw.content, "") != "html":
        raise Unreadable("unsupported")
    return _parse_page(raw)


def _parse_sitemap(raw: RawFile) -> Parsed:
    return Parsed(listed=list_addresses(raw.content))


def _shorten(page: WebPage) -> WebPage:
    """Cut all names to the length at which documents keep them."""
    sections = tuple(
        PageSection(_shorten_names(one.headings), _drop_long(one.anchor), one.blocks) for one in page.sections
    )
    title, language = page.title[:LONGEST_PLACE_NAME], page.language[:LONGEST_PLACE_NAME]
    return replace(page, title=title, language=language, trail=_shorten_names(page.trail), sections=sections)


def _drop_long(anchor: str) -> str:
    return anchor if len(anchor) <= LONGEST_PLACE_NAME else ""


def _shorten_names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[:LONGEST_PLACE_NAME] for name in names[:MOST_ABOVE])


_PARSERS: Mapping[bytes, Callable[[RawFile], Parsed]] = {
    PAGE: _parse_page,
    DOCUMENT_PAGE: _parse_document_page,
    SITEMAP: _parse_sitemap,
}
