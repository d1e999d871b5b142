"""This module keeps the pages of a site that are known during a crawl, and the order in which they are read."""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count

from qa_service.crawling.addresses import identify_address
from qa_service.crawling.ledger import SitePage
from qa_service.crawling.rules import CrawlRules, QueryVariants

MOST_MISSES = 5
"""A page that was gone in this many rounds is hardly asked for any more."""
RARELY = 10
"""Such a page is asked for in every tenth round."""


class Frontier:
    """A `Frontier` holds the pages of one round. It begins with those of the ledger, of which this round reads the ones
    that it hasn't read yet. `may_read` says what the site lets crawlers read."""

    def __init__(
        self, rules: CrawlRules, pages: Sequence[SitePage], number: int, may_read: Callable[[str], bool]
    ) -> None:
        self._rules = rules
        self._number = number
        self._allowed = may_read
        self._pages = {page.key: page for page in pages}
        self._digests = {page.digest: page.key for page in pages if page.document_id}
        self._variants = QueryVariants(page.address for page in pages)
        self._waiting: list[tuple[int, int, int, str]] = []
        self._order = count()
        self._new: list[SitePage] = []
        for page in pages:
            if page.round < number and (page.misses < MOST_MISSES or number % RARELY == 0):
                self.enqueue_page(page)

    @property
    def done(self) -> int:
        """Return how many pages were read in this round."""
        return sum(page.round >= self._number for page in self._pages.values())

    @property
    def found(self) -> int:
        """Return how many pages this round has, as far as they are known."""
        read = {key for key, page in self._pages.items() if page.round >= self._number}
        return len(read.union(key for *_, key in self._waiting))

    def may_read(self, address: str) -> bool:
        """Tell whether this address is to be read, by the rules and by the site's own."""
        return self._rules.may_read(address) and self._allowed(address)

    def page_at(self, address: str) -> SitePage | None:
        """Return what is known of the page with this address."""
        return self._pages.get(identify_address(address))

    def page_with(self, digest: str) -> SitePage | None:
        """Return a page whose document is made of what has this digest."""
        page = self._pages.get(self._digests.get(digest, ""))
        return page if page and page.document_id and page.digest == digest else None

    def enqueue_page(self, page: SitePage, tries: int = 0) -> None:
        """Let a page be read. One that has failed comes behind all others."""
        heappush(self._waiting, (tries, page.depth, next(self._order), page.key))

    def next_page(self) -> tuple[SitePage, int] | None:
        """Return the page that is to be read next and how often it was tried: those near to the start come first."""
        while self._waiting:
            tries, _, _, key = heappop(self._waiting)
            if tries or self._pages[key].round < self._number:
                return self._pages[key], tries
        return None

    def find_pages(self, addresses: Iterable[str], depth: int) -> None:
        """Remember those of these addresses that aren't known yet and are to be read."""
        for address in addresses:
            key = identify_address(address)
            if key not in self._pages and self._is_within_bounds(depth) and self._admits(address):
                page = SitePage(key, address, depth)
                self._new.append(page)
                self._pages[key] = page
                self.enqueue_page(page)

    def settle_page(self, page: SitePage) -> Sequence[SitePage]:
        """Keep what became of a page. Returns all pages that have changed since the last call, for the ledger."""
        self._pages[page.key] = page
        if page.document_id:
            self._digests[page.digest] = page.key
        changed = {one.key: one for one in (*self._new, page)}
        self._new = []
        return list(changed.values())

    def _is_within_bounds(self, depth: int) -> bool:
        return depth <= self._rules.depth and len(self._pages) < self._rules.pages

    def _admits(self, address: str) -> bool:
        return self.may_read(address) and self._variants.admit_variant(address)
