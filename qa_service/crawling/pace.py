"""This module fetches the pages of one site no faster than the site wants."""

from collections.abc import Callable
from time import monotonic

from qa_service.crawling.fetching import NOTHING_KNOWN, Fetched, FetchPage, Known

DELAY = 1.0
"""This many seconds lie between the beginnings of two requests, if the site doesn't ask for more."""
MOST_WAIT = 120.0
"""A site that is busy may ask to be left alone for this many seconds. A longer time counts as this one."""


class PacedFetcher:
    """A `PacedFetcher` waits before each request until it is due. `pause` waits for this many seconds, and returns
    False where the crawl is to stop. Nothing is fetched any more from then on, or once `fetch` was
    stopped."""

    def __init__(self, fetch: FetchPage, pause: Callable[[float], bool], delay: float = DELAY) -> None:
        self._fetch = fetch
        self._pause = pause
        self._delay = delay
        self._due = 0.0
        self.is_stopped = False

    def slow_down(self, delay: float) -> None:
        """Let at least this many seconds lie between two requests."""
        self._delay = max(self._delay, delay)

    def fetch_page(self, address: str, known: Known = NOTHING_KNOWN) -> Fetched:
        """Fetch a page when it is due, as `FetchPage` says."""
        if self.is_stopped or not self._pause(max(0.0, self._due - monotonic())):
            self.is_stopped = True
            return Fetched("stopped", "it was stopped")
        began = monotonic()
        fetched = self._fetch(address, known)
        self.is_stopped = fetched.outcome == "stopped"
        self._due = began + max(self._delay, min(fetched.wait, MOST_WAIT))
        return fetched
