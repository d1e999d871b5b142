"""This module has the addresses that a sitemap lists: pages, and other sitemaps."""

from collections.abc import Sequence

from msgspec import Struct

from qa_service.crawling.addresses import normalize_address
from qa_service.errors import Unreadable
from qa_service.files.parsed import SITEMAP, ListedAddresses, ParseContent


class Sitemap(Struct, frozen=True):
    """A `Sitemap` holds the normalized addresses of pages, and those of other sitemaps."""

    pages: Sequence[str] = ()
    sitemaps: Sequence[str] = ()


def read_sitemap(content: bytes, address: str, parse: ParseContent) -> Sitemap:
    """Read a sitemap that was found at this address. One that can't be parsed lists nothing."""
    try:
        listed = parse(SITEMAP, content, "").listed
    except Unreadable:
        listed = ListedAddresses()
    return Sitemap(_normalize(listed.pages, address), _normalize(listed.sitemaps, address))


def _normalize(found: Sequence[str], address: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (normalize_address(one, address) for one in found))))
