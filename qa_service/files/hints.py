"""This module finds what a page of HTML says of itself to crawlers, and where it links to."""

import re
from collections.abc import Iterator
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from qa_service.files.parsed import CRAWLER_NAMES, LONGEST_ADDRESS, LONGEST_DIRECTIVES, MOST_HREFS, PageHints

_REFRESH = re.compile(r"\d*\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]+)", re.IGNORECASE)


def find_hints(html: str) -> PageHints:
    """Find the hints of a page."""
    page = LexborHTMLParser(html)
    links = dict.fromkeys(href for href in map(_bounded, _hrefs(page)) if href.strip())
    base = page.css_first("base[href]")
    robots = ", ".join(_robots_elements(page))
    return PageHints(
        tuple(islice(links, MOST_HREFS)),
        _bounded(base.attributes.get("href") or "") if base else "",
        _bounded(_canonical(page)),
        robots if len(robots) <= LONGEST_DIRECTIVES else "none",
    )


def _bounded(address: str) -> str:
    """Return the address, or an empty text where it is too long, because a part of it is another address."""
    return address if len(address) <= LONGEST_ADDRESS else ""


def _robots_elements(page: LexborHTMLParser) -> Iterator[str]:
    for element in page.css("meta[name]"):
        if (element.attributes.get("name") or "").strip().lower() in CRAWLER_NAMES:
            yield (element.attributes.get("content") or "").lower()


def _canonical(page: LexborHTMLParser) -> str:
    for element in page.css("link[rel][href]"):
        if "canonical" in _relations(element):
            return element.attributes.get("href") or ""
    return ""


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


def _relations(element: LexborNode) -> set[str]:
    return set((element.attributes.get("rel") or "").lower().split())
