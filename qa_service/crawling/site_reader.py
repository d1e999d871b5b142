"""This module reads the sites that are due, one after another, as one of all workers."""

import logging
from collections.abc import Callable
from contextlib import closing
from threading import Event
from time import monotonic

from msgspec import Struct

from qa_service.crawling.crawl import Crawl, CrawlParts, CrawlStep
from qa_service.crawling.fetching import FetchBounds, PageFetcher
from qa_service.crawling.pace import DELAY
from qa_service.crawling.public_addresses import MayConnect, is_public_address
from qa_service.crawling.sites import SITE_LEASE_SECONDS, KnowledgeSite, Sites
from qa_service.crawling.stored_pages import LibraryShelf, StoredPages
from qa_service.errors import CrawlFailed, QAError
from qa_service.files.parsed import ParseContent
from qa_service.knowledge.library import Library

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 1.0
"""While no site is due, a reader looks once in this many seconds whether one is."""
_OUTAGE_SECONDS = 10.0
"""Where nothing can be read, the next try comes after this long."""


class Reach(Struct, frozen=True):
    """A `Reach` says where and how fast sites are read. Only tests, whose sites are on this machine, give another one
    than the usual."""

    may_connect: MayConnect = is_public_address
    delay: float = DELAY


USUAL = Reach()


class SiteReader:
    """A `SiteReader` reads sites. `bounds` are those of each page. Any thread may stop it, once and for all."""

    def __init__(
        self,
        sites: Sites,
        library: Library,
        bounds: FetchBounds,
        reach: Reach = USUAL,
        *,
        parse: ParseContent,
        lease: float = SITE_LEASE_SECONDS,
    ) -> None:
        self._sites = sites
        self._library = library
        self._fetcher = PageFetcher(bounds, reach.may_connect)
        self._parse = parse
        self._delay = reach.delay
        self._renewal = lease / 3
        self._stop = Event()
        self.is_reading = False

    @property
    def is_stopped(self) -> bool:
        """Tell whether this reader was stopped."""
        return self._stop.is_set()

    def stop_reading(self) -> None:
        """Cut off the page that is being fetched, and read no other. Another worker may go on with the site at
        once."""
        self._stop.set()
        self._fetcher.stop_fetching()

    def read_until_stopped(self) -> None:
        """Read what is due. Where the database is away, this waits and tries again."""
        while not self._stop.is_set():
            # Whoever stops this looks at `is_reading` afterwards. So it is true before the stop is looked at.
            self.is_reading = True
            try:
                pause = self._read_unless_stopped()
            finally:
                self.is_reading = False
            self._stop.wait(pause)

    def _read_unless_stopped(self) -> float:
        """Read the site that is due, and return for how many seconds none is looked for."""
        try:
            return 0 if not self._stop.is_set() and self.read_due_site() else _PERIOD_SECONDS
        except QAError as error:
            log.warning("reading sites waits: %s", error.message)
            return _OUTAGE_SECONDS

    def read_due_site(self) -> bool:
        """Read the site that is due, and return whether there was one. After a stop, another worker may go on with it
        at once."""
        claimed = self._sites.claim_site()
        if not claimed:
            return False
        site, is_leaving = claimed
        if is_leaving:
            self._forget(site)
        else:
            self.read_site(site)
        return True

    def read_site(self, site: KnowledgeSite, tell: Callable[[CrawlStep], None] = lambda step: None) -> str:
        """Read a claimed site, and tell of each page. Returns why it couldn't be read, or an empty text."""
        hold, failure = _Hold(self._sites, site, self._stop, self._renewal), ""
        parts = CrawlParts(
            fetch=self._fetcher.fetch_page,
            ledger=StoredPages(self._library.database, site.site_id),
            shelf=LibraryShelf(self._library, site.site_id, site.collection),
            pause=hold.pause,
            parse=self._parse,
            delay=self._delay,
        )
        try:
            with closing(Crawl(site.rules, site.round, parts).read_pages()) as steps:
                for step in steps:
                    tell(step)
        except CrawlFailed as error:
            failure = error.message
        except QAError:
            self._sites.release_site(site)
            raise
        except Exception:
            # Another reader would break in the same way, and no other site would have its turn.
            log.exception("reading %s broke", site.url)
            failure = "reading it broke"
        if hold.is_lost or self._stop.is_set():
            self._sites.release_site(site)
        else:
            self._sites.finish_round(site, failure)
        return failure

    def _forget(self, site: KnowledgeSite) -> None:
        """Remove the documents of a site, and then what is remembered of it. What a death leaves over is removed by the
        next worker."""
        shelf = LibraryShelf(self._library, site.site_id, site.collection)
        for page in StoredPages(self._library.database, site.site_id).load_pages():
            if self._stop.is_set():
                self._sites.release_site(site)
                return
            if page.document_id:
                shelf.remove_page(page.document_id)
        self._sites.forget_site(site)


class _Hold:
    """A `_Hold` keeps the lease of a site while it is read."""

    def __init__(self, sites: Sites, site: KnowledgeSite, stop: Event, renewal: float) -> None:
        self._sites = sites
        self._site = site
        self._stop = stop
        self._renewal = renewal
        self._due = monotonic() + renewal
        self.is_lost = False

    def pause(self, seconds: float) -> bool:
        """Wait for this many seconds, and return whether the site may be read on. A long wait renews the lease, too."""
        until = monotonic() + seconds
        while not self.is_lost and not self._stop.wait(min(max(until - monotonic(), 0.0), self._renewal)):
            if monotonic() >= self._due:
                self._due = monotonic() + self._renewal
                self.is_lost = not self._sites.renew_lease(self._site)
            if monotonic() >= until:
                return not self.is_lost
        return False
