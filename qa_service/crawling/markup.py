"""This module understands what an HTML page says of itself to crawlers, and where it links to."""

import string
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from msgspec import Struct

from qa_service.crawling.addresses import normalize_address
from qa_service.files.parsed import CRAWLER_NAMES, PageHints

_MOST_LINKS = 2_000
"""This many links of one page are followed."""
_UNKEPT = {"noindex", "none"}
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


def read_markup(hints: PageHints, address: str, robots: str = "", codec: str = "") -> Markup:
    """Understand the hints of a page that was found at this address. `robots` has its headers `X-Robots-Tag`, one a
    line, in lower case. `codec` is the encoding of the page, where that isn't UTF-8."""
    directives = _directives(", ".join([_plain_directives(robots), hints.robots]))
    base = (normalize_address(hints.base, address) or address) if hints.base else address
    follows = directives.isdisjoint({"nofollow", "none"})
    return Markup(
        links=tuple(dict.fromkeys(_links(hints, base, codec)))[:_MOST_LINKS] if follows else (),
        canonical=normalize_address(hints.canonical, base) if hints.canonical else "",
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
                is_for_us = name.strip() in CRAWLER_NAMES
            kept += [directive or name] * is_for_us
    return ",".join(kept)


def _links(hints: PageHints, base: str, codec: str) -> Iterator[str]:
    for href in hints.links:
        if address := normalize_address(_write_query(href, codec), base):
            yield address


def _write_query(href: str, codec: str) -> str:
    """Escape the letters of a query in the encoding of its page, as browsers do. Those of a path are UTF-8."""
    path, mark, query = href.partition("?")
    if not codec or query.isascii():
        return href
    return f"{path}{mark}{quote(query, string.punctuation, encoding=codec, errors='replace')}"
