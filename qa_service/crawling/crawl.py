"""This module reads a website: it fetches the pages that the site's start leads to, one after another."""

from collections.abc import Callable, Generator, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from qa_service.crawling.addresses import identify_address, is_same_site
from qa_service.crawling.fetching import NOTHING_KNOWN, Fetched, FetchPage, Known, follow_moves
from qa_service.crawling.frontier import Frontier
from qa_service.crawling.ledger import PageContent, PageShelf, PageState, SiteLedger, SitePage
from qa_service.crawling.markup import Markup
from qa_service.crawling.pace import DELAY, PacedFetcher
from qa_service.crawling.reading import PageReading, PageUnreadable, is_html, read_fetched
from qa_service.crawling.robots import Robots, fetch_robots
from qa_service.crawling.rules import CrawlRules, is_document
from qa_service.crawling.sitemaps import read_sitemap
from qa_service.errors import CrawlFailed, Overloaded, Refused
from qa_service.files.parsed import ParseContent
from qa_service.files.sitemap_text import is_sitemap

TRIES = 3
"""A page that fails is tried this many times in one round."""
MANY_FAILURES = 10
"""After this many pages in a row that failed, the start is asked for again. Where it fails too, the site is down."""
MOST_FAILURES = 100
"""After this many pages in a row that failed, the site counts as down, whatever its start says."""
MOST_SITEMAPS = 200
MOST_DEATHS = 2
"""A page that ended this many processes that read it isn't read again in this round."""


class CrawlStep(Struct, frozen=True):
    """A `CrawlStep` says what became of one page, and how far the crawl has come."""

    address: str
    state: PageState
    reason: str
    done: int
    """This many pages have been read in this round."""
    found: int
    """This many pages are known to this round. It grows while the site is read."""


class CrawlParts(Struct, frozen=True):
    """A `CrawlParts` holds what a crawl works with. `pause` waits for this many seconds, and returns False where the
    crawl is to stop."""

    fetch: FetchPage
    ledger: SiteLedger
    shelf: PageShelf
    pause: Callable[[float], bool]
    parse: ParseContent
    delay: float = DELAY


class Crawl:
    """A `Crawl` is one round through a site. If a round was interrupted, a crawl with the same number goes on with the
    pages that the round hasn't read yet."""

    def __init__(self, rules: CrawlRules, number: int, parts: CrawlParts) -> None:
        self._rules = rules
        self._number = number
        self._ledger, self._shelf = parts.ledger, parts.shelf
        self._parse = parts.parse
        self._fetcher = PacedFetcher(parts.fetch, parts.pause, parts.delay)
        self._frontier = Frontier(rules, parts.ledger.load_pages(), number, self._allowed)
        self._robots: Robots | None = None
        self._start: dict[str, Fetched] = {}
        self._takes_links = True
        self._others: dict[str, tuple[str, str]] = {}
        """It maps the address of a page that has no document to the one that has it, and to its digest, if the pages
        are the same."""
        self._failures = 0

    def read_pages(self) -> Generator[CrawlStep, None, None]:
        """Read the site, and give what became of each page. It ends early where `pause` says that the crawl is to stop.
        Raises `CrawlFailed`."""
        self._robots = fetch_robots(self._rules.start, self._fetcher.fetch_page)
        self._fetcher.slow_down(self._robots.delay)
        self._read_sitemaps(self._read_start())
        while (due := self._next_page()) and not self._fetcher.is_stopped:
            page = self._read_page(*due)
            if page and not self._fetcher.is_stopped:
                yield CrawlStep(page.address, page.state, page.reason, self._frontier.done, self._frontier.found)

    def _allowed(self, address: str) -> bool:
        return self._robots is not None and self._robots.may_read(address)

    def _read_start(self) -> Sequence[str]:
        """Read the start, which is a sitemap, or a page whose links are followed. Returns the sitemaps to read then."""
        address, fetched = self._follow_start()
        if _is_sitemap(fetched):
            self._takes_links = False
            return self._read_sitemap(fetched, address)
        if self._rules.includes(address):
            self._frontier.find_pages([address], 0)
            self._start[identify_address(address)] = fetched
        elif is_html(fetched):
            self._frontier.find_pages(self._read_start_page(fetched, address).markup.links, 1)
        return self._robots.sitemaps if self._robots else ()

    def _read_start_page(self, fetched: Fetched, address: str) -> PageReading:
        try:
            return read_fetched(fetched, address, self._parse)
        except PageUnreadable as error:
            raise CrawlFailed(f"its start: {error}") from None

    def _follow_start(self) -> tuple[str, Fetched]:
        """Fetch the start, wherever in the site it has moved to."""
        address, fetched = follow_moves(self._rules.start, self._fetch_allowed)
        if fetched.outcome != "fetched":
            raise CrawlFailed(f"its start: {fetched.reason or 'it moved to ' + fetched.target}")
        return address, fetched

    def _fetch_allowed(self, address: str, known: Known) -> Fetched:
        if not self._allowed(address):
            raise CrawlFailed("its robots.txt doesn't allow the start to be read")
        return self._fetcher.fetch_page(address, known)

    def _read_sitemaps(self, addresses: Sequence[str]) -> None:
        """Read these sitemaps, and those that they name."""
        waiting, seen = list(addresses[:MOST_SITEMAPS]), set(addresses[:MOST_SITEMAPS])
        while waiting and not self._fetcher.is_stopped:
            address = waiting.pop(0)
            fetched = self._fetcher.fetch_page(address)
            named = self._read_sitemap(fetched, address) if fetched.outcome == "fetched" else ()
            more = [one for one in named if one not in seen][: MOST_SITEMAPS - len(seen)]
            waiting += more
            seen.update(more)

    def _read_sitemap(self, fetched: Fetched, address: str) -> Sequence[str]:
        sitemap = read_sitemap(fetched.content, address, self._parse)
        self._frontier.find_pages(sitemap.pages, 0)
        return [one for one in sitemap.sitemaps if is_same_site(one, address)]

    def _next_page(self) -> tuple[SitePage, int] | None:
        if due := self._frontier.next_page():
            return due
        for page in self._unanswered():
            self._frontier.enqueue_page(page, TRIES)
        return self._frontier.next_page()

    def _unanswered(self) -> Iterator[SitePage]:
        """Give the pages that named another page in their place, or were the same as one, if that one has no such
        document any more. Each is kept itself then."""
        others, self._others = self._others, {}
        for address, (other, digest) in others.items():
            page, named = self._frontier.page_at(address), self._frontier.page_at(other)
            if page and not (named and named.document_id and named.digest.startswith(digest)):
                yield page

    def _read_page(self, page: SitePage, tries: int) -> SitePage | None:
        """Read one page. Returns what became of it, or None where it comes again in this round."""
        if not self._frontier.may_read(page.address):
            return self._leave(page, "it isn't to be read")
        if page.deaths >= MOST_DEATHS:
            return self._settle(replace(page, state="failed", reason="reading it ends the process that reads it"))
        fetched = self._start.pop(page.key, None) or self._fetcher.fetch_page(page.address, _known(page))
        if self._fetcher.is_stopped:
            return None
        if not tries:
            self._count_failures(fetched)
        if fetched.outcome == "failed" and tries + 1 < TRIES:
            self._frontier.enqueue_page(page, tries + 1)
            return None
        return self._judge(page, fetched, tries)

    def _judge(self, page: SitePage, fetched: Fetched, tries: int) -> SitePage | None:
        match fetched.outcome:
            case "fetched":
                return self._take(replace(page, misses=0), fetched, is_last=tries >= TRIES)
            case "unchanged":
                return self._settle(replace(page, state="kept", reason="", misses=0))
            case "moved":
                return self._move(page, fetched, tries)
            case "gone":
                return self._leave(replace(page, misses=page.misses + 1), fetched.reason)
            case _:
                return self._settle(replace(page, state="failed", reason=fetched.reason))

    def _count_failures(self, fetched: Fetched) -> None:
        """Notice where the site is down. Further tries of pages that fail don't count, because these pages come one
        after another at the end of a round."""
        self._failures = self._failures + 1 if fetched.outcome == "failed" else 0
        if self._failures >= MOST_FAILURES:
            raise CrawlFailed(f"{MOST_FAILURES} pages in a row failed; the last: {fetched.reason}")
        if self._failures and self._failures % MANY_FAILURES == 0:
            self._follow_start()

    def _move(self, page: SitePage, fetched: Fetched, tries: int) -> SitePage | None:
        """Read the page that this one leads to. An address that leads to itself, with https for example, is changed."""
        if not is_same_site(fetched.target, page.address):
            if fetched.is_lasting:
                return self._leave(page, "it moved to another site")
            return self._settle(replace(page, state="failed", reason="it leads to another site"))
        if identify_address(fetched.target) != page.key:
            return self._follow_move(page, fetched.target, tries)
        if tries + 1 >= TRIES:
            return self._settle(replace(page, state="failed", reason="it leads to itself"))
        self._ledger.save_pages(self._frontier.settle_page(replace(page, address=fetched.target)))
        self._frontier.enqueue_page(page, tries + 1)
        return None

    def _follow_move(self, page: SitePage, target: str, tries: int) -> SitePage | None:
        """Let the page to which this one has moved be read. This one keeps its document until that is done."""
        self._frontier.find_pages([target], page.depth)
        named = self._frontier.page_at(target)
        if not (page.document_id and named and named.state in ("waiting", "failed")):
            return self._leave(page, "it moved")
        if tries + 1 >= TRIES:
            return self._settle(replace(page, state="failed", reason="it moved to a page that can't be read"))
        self._frontier.enqueue_page(page, tries + 1)
        return None

    def _take(self, page: SitePage, fetched: Fetched, *, is_last: bool) -> SitePage:
        """Make a document of what was fetched, if it may be kept and has changed. With `is_last` the page is kept even
        if it names another one in its place."""
        self._ledger.save_pages([replace(page, deaths=page.deaths + 1)])
        try:
            read = read_fetched(fetched, page.address, self._parse)
        except Overloaded:  # The page has nothing to do with it.
            self._ledger.save_pages([page])
            raise
        except PageUnreadable as error:
            return self._settle(replace(page, state="failed", reason=str(error)))
        page = replace(page, known=fetched.known)
        self._frontier.find_pages(filter(self._is_followed, read.markup.links), page.depth + 1)
        if not read.markup.may_keep:
            return self._leave(page, "it asks not to be kept")
        if not is_last and self._names_other(page, read.markup):
            return self._leave(page, "it names another address")
        if page.document_id and page.digest == read.digest:
            return self._settle(replace(page, state="kept", reason=""))
        return self._shelve(page, fetched, read)

    def _is_followed(self, address: str) -> bool:
        return self._takes_links or is_document(address)

    def _names_other(self, page: SitePage, markup: Markup) -> bool:
        other = markup.canonical
        if not other or identify_address(other) == page.key or not self._frontier.may_read(other):
            return False
        self._frontier.find_pages([other], page.depth)
        self._others[page.address] = other, ""
        return self._frontier.page_at(other) is not None

    def _shelve(self, page: SitePage, fetched: Fetched, read: PageReading) -> SitePage:
        """Make a document of a page that is new or has changed."""
        same = self._frontier.page_with(read.digest)
        if same and same.key != page.key:
            self._others[page.address] = same.address, read.digest
            return self._leave(page, "another page is the same")
        if read.text and not read.text.passages:
            return self._leave(page, "it has no text")
        content = b"" if read.text else fetched.content
        try:
            document_id = self._shelf.put_page(
                PageContent(page.address, read.title, read.text, content, fetched.charset)
            )
        except Refused as error:
            return self._settle(replace(page, state="failed", reason=error.message))
        if page.document_id and page.document_id != document_id:  # It was kept under another address.
            self._shelf.remove_page(page.document_id)
        return self._settle(replace(page, state="kept", reason="", digest=read.digest, document_id=document_id))

    def _leave(self, page: SitePage, reason: str) -> SitePage:
        if page.document_id:
            self._shelf.remove_page(page.document_id)
        return self._settle(replace(page, state="left", reason=reason, document_id="", known=NOTHING_KNOWN, digest=""))

    def _settle(self, page: SitePage) -> SitePage:
        settled = replace(page, round=self._number, deaths=0)
        self._ledger.save_pages(self._frontier.settle_page(settled))
        return settled


def _known(page: SitePage) -> Known:
    """Return what the server is told of the last version. Without a document the whole page is wanted."""
    return page.known if page.document_id else NOTHING_KNOWN


def _is_sitemap(fetched: Fetched) -> bool:
    is_list = fetched.media_type == "text/plain" and fetched.content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"http")
    return is_list or is_sitemap(fetched.content)
