"""This module reads a site's robots.txt, which says what crawlers may read and how often they may ask (RFC 9309)."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urljoin

from protego import Protego

from qa_service.crawling.addresses import is_same_site, normalize_address
from qa_service.crawling.fetching import AGENT, Fetched, FetchPage, follow_moves
from qa_service.errors import CrawlFailed
from qa_service.files.decoding import decode_file_text

MOST_READ = 500 << 10
"""RFC 9309 says that this many bytes must be read at least. The rest is ignored, with a line that reaches into it."""
MOST_DELAY = 30.0
"""A site may ask for this many seconds between two requests. A longer delay counts as this one."""


class Robots:
    """A `Robots` holds the rules of one site."""

    def __init__(self, text: str, site: str) -> None:
        self._rules = Protego.parse(text)
        self._site = site

    def may_read(self, address: str) -> bool:
        """Tell whether this address may be read."""
        return bool(self._rules.can_fetch(address, AGENT))

    @property
    def delay(self) -> float:
        """Return how many seconds the site wants between two requests, or 0 where it doesn't say."""
        return min(float(self._rules.crawl_delay(AGENT) or 0), MOST_DELAY)

    @property
    def sitemaps(self) -> Sequence[str]:
        """Return the addresses of the sitemaps that the file names, as far as they are of this site."""
        named = (normalize_address(str(one), self._site) for one in self._rules.sitemaps)
        return [one for one in named if one and is_same_site(one, self._site)]


def fetch_robots(site: str, fetch: FetchPage) -> Robots:
    """Fetch the rules of the site that this address belongs to. Raises `CrawlFailed` where its server fails
    and doesn't say them, because nothing may be read then."""
    _, fetched = follow_moves(normalize_address(urljoin(site, "/robots.txt")), fetch)
    return Robots(_decode(fetched), site)


def _decode(fetched: Fetched) -> str:
    """Return the text of the rules, which is empty where the site has none, or where they have moved to another site. A
    file that can't be had for any other reason means that nothing may be read."""
    match fetched.outcome:
        case "fetched":
            text = decode_file_text(fetched.content[:MOST_READ], fetched.charset)
            # A part of a line may allow what the line forbids.
            return text if len(fetched.content) <= MOST_READ else text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
        case "failed" | "stopped" | "unchanged" | "unfit":
            raise CrawlFailed(f"robots.txt: {fetched.reason or HTTPStatus.NOT_MODIFIED.phrase}")
        case _:
            return ""
