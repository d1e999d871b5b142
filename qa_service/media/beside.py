"""This module runs searches beside an answer, each in a thread of its own."""

import logging
import threading
from collections.abc import Sequence
from time import monotonic

from msgspec.structs import replace

from qa_service.errors import Overloaded, QAError
from qa_service.interfaces import MediaQuery, MediaResult, MediaSearch
from qa_service.storable import storable
from qa_service.threads import start_thread

log = logging.getLogger(__name__)

LONGEST_QUERY = 200
"""Only this many characters of a question are searched for, since a search service looks for every word of them."""
MOST_RUNNING = 4
"""At most this many searches of one service run at a time in a worker. Under gevent, each search that waits for a
silent name server holds one of the ten threads in which all names are looked up, upstream's too."""


class SideSearch:
    """A `SideSearch` is one search that runs beside an answer."""

    def __init__(self, service: MediaSearch, query: MediaQuery, room: threading.Semaphore) -> None:
        """`room` is released when the search is over."""
        self._service = service
        self._query = query
        self._room = room
        self._found: Sequence[MediaResult] = ()
        self._over = threading.Event()

    def run_search(self) -> None:
        """Search, and keep what was found. A failure is logged, without the key and the question."""
        try:
            self._found = [storable(media) for media in self._service.find_media(self._query)]
        except QAError as error:
            log.warning("the search at %s failed: %s", self._service.name, error)
        finally:
            self._over.set()
            self._room.release()

    def take_found(self, until: float) -> Sequence[MediaResult]:
        """Return what was found, at the latest at this moment of `time.monotonic()`."""
        if self._over.wait(max(0.0, until - monotonic())):
            return self._found
        log.warning("the search at %s took too long", self._service.name)
        return ()


class MediaSearches:
    """A `MediaSearches` knows the search services of a site."""

    def __init__(self, services: Sequence[MediaSearch] = (), *, patience: float = 0.8) -> None:
        """`patience` says how many seconds the end of an answer waits for all its searches together."""
        self._services = [(service, threading.Semaphore(MOST_RUNNING)) for service in services]
        self._patience = patience

    def begin_searches(self, query: MediaQuery) -> list[SideSearch]:
        """Ask each service, in a thread of its own. A service for which there is no room isn't asked."""
        begun = list[SideSearch]()
        for service, room in self._services:
            if room.acquire(blocking=False):
                search = SideSearch(service, replace(query, text=query.text[:LONGEST_QUERY]), room)
                begun += self._start_search(search, room)
            else:
                log.warning("%s isn't searched, since %d searches run there already", service.name, MOST_RUNNING)
        return begun

    def _start_search(self, search: SideSearch, room: threading.Semaphore) -> list[SideSearch]:
        try:
            start_thread(threading.Thread(target=search.run_search, name="search", daemon=True))
        except Overloaded as error:
            room.release()
            log.warning("a search could not be started: %s", error)
            return []
        return [search]

    def gather_results(self, begun: Sequence[SideSearch]) -> list[MediaResult]:
        """Return what these searches have found. Those that take too long are given up."""
        until = monotonic() + self._patience
        return [media for search in begun for media in search.take_found(until)]
