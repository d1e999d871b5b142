"""This module fetches one page that somebody names, without the rest of its site."""

import html
import re

from msgspec import Struct

from qa_service.crawling.addresses import normalize_address
from qa_service.crawling.fetching import Fetched, FetchPage, follow_moves
from qa_service.errors import InvalidField
from qa_service.files.segment import RawFile

_TITLE = re.compile(r"<title\b[^>]{0,200}>([^<]{1,1000})</title", re.IGNORECASE)
_HEAD = 64 << 10


class SinglePage(Struct, frozen=True):
    """A `SinglePage` is a page as it was fetched. Its address is the one that it had moved to."""

    address: str
    title: str
    content: bytes
    charset: str


def fetch_single_page(url: str, fetch: FetchPage) -> SinglePage:
    """Fetch the page at this address, also where it has moved to another one of its site. Raises `InvalidField` for the
    field `url`, which says why there is no page."""
    address = normalize_address(url)
    if not address:
        raise InvalidField("url: expected the http or https address of a page", field="url")
    address, fetched = follow_moves(address, fetch)
    if fetched.outcome != "fetched":
        raise InvalidField(f"url: {fetched.reason or 'it leads to another site'}", field="url")
    return SinglePage(address, _find_title(fetched), fetched.content, fetched.charset)


def _find_title(fetched: Fetched) -> str:
    """Find the title of a page. The page isn't parsed here, because parsers of HTML can be made to take long."""
    if b"<" not in fetched.content[:_HEAD]:
        return ""
    title = _TITLE.search(RawFile(fetched.content[:_HEAD], fetched.charset).markup())
    return " ".join(html.unescape(title[1]).split())[:300] if title else ""
