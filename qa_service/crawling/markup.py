"""This module reads what an HTML page says of itself and where it links to. Its text is read elsewhere."""

import re
import string
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from msgspec import Struct
from selectolax.lexbor import LexborHTMLParser, LexborNode

from qa_service.crawling.addresses import normalize_address

MOST_LINKS = 2_000
"""So many links of one page are followed."""
_REFRESH = re.compile(r"\d*\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]+)", re.IGNORECASE)
_UNKEPT = {"noindex", "none"}
_CRAWLER_NAMES = ("robots", "qa-service")
_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
"""Behind these directives stands a colon too, as behind a crawler's name."""


class Markup(Struct, frozen=True):
    """A `Markup` holds what a page says of itself to crawlers."""

    links: Sequence[str] = ()
    """These are the normalized addresses that the page links to, in their order. There are none where the page says
    that its links aren't to be followed."""
    canonical: str = ""
    """The page says that this normalized address is the one to read. It is empty where the page names none."""
    may_keep: bool = True
    """This says whether the page may be kept."""


def read_markup(text: str, address: str, robots: str = "", codec: str = "") -> Markup:
    """Read a page that was found at this address. `robots` has its headers `X-Robots-Tag`, one a line, in lower
    case. `codec` is the encoding of the page, where that isn't UTF-8."""
    page = LexborHTMLParser(text)
    directives = _directives(", ".join([_plain_directives(robots), *_robots_elements(page)]))
    base = _base(page, address)
    follows = directives.isdisjoint({"nofollow", "none"})
    return Markup(
        links=tuple(dict.fromkeys(_links(page, base, codec)))[:MOST_LINKS] if follows else (),
        canonical=_canonical(page, base),
        may_keep=directives.isdisjoint(_UNKEPT),
    )


def may_keep(robots: str) -> bool:
    """Tell whether the headers `X-Robots-Tag` let a file be kept."""
    return _directives(_plain_directives(robots)).isdisjoint(_UNKEPT)


def _directives(told: str) -> set[str]:
    return {one.strip() for one in told.split(",")}


def _plain_directives(headers: str) -> str:
    """Return the directives of the headers that are for all crawlers or for this one. A crawler's name stands before
    the first of its directives, and counts up to the end of the line or to the next name."""
    kept = []
    for header in headers.splitlines():
        is_for_us = True
        for one in header.split(","):
            name, colon, directive = one.partition(":")
            if colon and name.strip() not in _WITH_VALUE:
                is_for_us = name.strip() in _CRAWLER_NAMES
            kept += [directive or name] * is_for_us
    return ",".join(kept)


def _robots_elements(page: LexborHTMLParser) -> Iterator[str]:
    for element in page.css("meta[name]"):
        if (element.attributes.get("name") or "").strip().lower() in _CRAWLER_NAMES:
            yield (element.attributes.get("content") or "").lower()


def _base(page: LexborHTMLParser, address: str) -> str:
    element = page.css_first("base[href]")
    return (normalize_address(element.attributes.get("href") or "", address) or address) if element else address


def _canonical(page: LexborHTMLParser, base: str) -> str:
    for element in page.css("link[rel][href]"):
        if "canonical" in _relations(element):
            return normalize_address(element.attributes.get("href") or "", base)
    return ""


def _links(page: LexborHTMLParser, base: str, codec: str) -> Iterator[str]:
    for href in _hrefs(page):
        if href.strip() and (address := normalize_address(_write_query(href, codec), base)):
            yield address


def _hrefs(page: LexborHTMLParser) -> Iterator[str]:
    for element in page.css("a[href], area[href], link[rel][href]"):
        relations = _relations(element)
        is_link = element.tag != "link" or relations & {"next", "prev", "alternate"}
        if is_link and "nofollow" not in relations:
            yield element.attributes.get("href") or ""
    for element in page.css("frame[src], iframe[src]"):
        yield element.attributes.get("src") or ""
    for element in page.css("meta[http-equiv][content]"):
        refresh = _REFRESH.match(element.attributes.get("content") or "")
        if refresh and (element.attributes.get("http-equiv") or "").lower() == "refresh":
            yield refresh[1]


def _write_query(href: str, codec: str) -> str:
    """Escape the letters of a query in the encoding of its page, as browsers do. Those of a path are UTF-8."""
    path, mark, query = href.partition("?")
    if not codec or query.isascii():
        return href
    return f"{path}{mark}{quote(query, string.punctuation, encoding=codec, errors='replace')}"


def _relations(element: LexborNode) -> set[str]:
    return set((element.attributes.get("rel") or "").lower().split())
