"""This module is the command `index`: it brings sources into the knowledge base, and waits until they are read."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from qa_service.crawling.fetching import FetchBounds, PageFetcher
from qa_service.crawling.single_page import fetch_single_page
from qa_service.crawling.site_reader import USUAL, Reach, SiteReader
from qa_service.crawling.sites import KnowledgeSite, NewSite, Sites
from qa_service.crawling.stored_pages import StoredPages
from qa_service.errors import InvalidField
from qa_service.exits import INTERRUPTED
from qa_service.indexing.folders import FolderRules, FolderSource
from qa_service.indexing.order import IndexOrder
from qa_service.indexing.progress import ProgressBar
from qa_service.indexing.steps import IndexStep, IndexTally, StepState
from qa_service.knowledge.documents import NewDocument
from qa_service.knowledge.library import Library
from qa_service.knowledge_base import index_in_turn, make_site_reader, open_database
from qa_service.links import is_web_address
from qa_service.settings import Settings, SettingsError
from qa_service.system_variables import terminal_language

_NICENESS = 10
_LOOK_SECONDS = 0.2
_STOP_LOOK_SECONDS = 0.05
_LAST_SECONDS = 3.0
"""After Ctrl-C, the command waits at most this long until a site can go on elsewhere."""
_IDS = 1_000
"""This many documents are looked at by one statement."""


def index_sources(settings: Settings, order: IndexOrder, reach: Reach = USUAL) -> None:
    """Bring the sources, and wait until they are read. The process exits with 1 where something couldn't be read, and
    with 130 after Ctrl-C."""
    if not settings.knowledge:
        raise SettingsError("QA_KNOWLEDGE: expected on, since there is nothing to index into without it")
    os.nice(_NICENESS)
    bar, work = ProgressBar(sys.stdout, terminal_language()), _Indexing(settings, order, reach)
    try:
        for step in work.bring_all(bar):
            bar.show_step(step)
            work.tally.count_step(step)
    except KeyboardInterrupt:
        work.stop()
        bar.say("stopped")
        sys.stdout.flush()
        os._exit(INTERRUPTED)  # Threads may still wait for the network or for a file.
    bar.show_tally(work.tally.counts)
    if work.tally.counts.get("failed"):
        sys.exit(1)


class _Indexing:
    """An `_Indexing` is one run of the command."""

    def __init__(self, settings: Settings, order: IndexOrder, reach: Reach) -> None:
        self._settings = settings
        self._order = order
        self._reach = reach
        self._library = Library(open_database(settings))
        self._sites = Sites(self._library.database)
        self._waiting: dict[str, str] = {}
        """These are the names of the documents that wait to be read, by their ids."""
        self._site_ids: list[str] = []
        self._reader: SiteReader | None = None
        self._indexer: Thread | None = None
        self._whole = 0
        """This many documents have waited to be read, with those that are read by now."""
        self.tally = IndexTally()

    def bring_all(self, bar: ProgressBar) -> Iterator[IndexStep]:
        """Bring everything, and give what becomes of each file, page and site."""
        settings = self._settings
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._library.database.ensure_tables()
        for source in self._order.sources:
            for step in self._bring(source):
                if step.state == "waiting":
                    self._waiting[step.document_id] = step.name
                else:
                    yield step
        self._whole = len(self._waiting)
        while self._waiting or self._site_ids:
            self._ensure_indexer(bar)
            yield from self._look_at_sites(bar)
            yield from self._look_at_documents(bar)
            time.sleep(_LOOK_SECONDS)
        self._await_indexer(bar)

    def stop(self) -> None:
        """Let a site that is being read go on elsewhere."""
        if self._reader is None:
            return
        self._reader.stop_reading()
        until = time.monotonic() + _LAST_SECONDS
        # A `Thread.join` that Ctrl-C interrupts takes its thread for ended, and so would a second `join`.
        while self._reader.is_reading and time.monotonic() < until:
            time.sleep(_STOP_LOOK_SECONDS)

    def _bring(self, source: str) -> Iterator[IndexStep]:
        if is_web_address(source):
            yield from self._bring_page(source) if self._order.single else self._bring_site(source)
        elif Path(source).exists():
            rules = FolderRules(self._order.include, self._order.exclude, self._settings.max_file)
            folder = FolderSource(self._library, self._order.collection, rules, self._order.name)
            yield from folder.bring_files(Path(source))
        else:
            yield IndexStep(source, "failed", "no such file or folder")

    def _bring_page(self, url: str) -> Iterator[IndexStep]:
        fetcher = PageFetcher(FetchBounds(self._settings.max_file), self._reach.may_connect)
        try:
            page = fetch_single_page(url, fetcher.fetch_page)
        except InvalidField as error:
            yield IndexStep(url, "failed", error.message.removeprefix("url: "))
            return
        new = NewDocument(self._order.collection, page.address, page.title, page.address, page.charset)
        document, is_new = self._library.add_document(new, page.content)
        yield IndexStep(page.address, "waiting" if is_new else "unchanged", document_id=document.document_id)

    def _bring_site(self, url: str) -> Iterator[IndexStep]:
        order = self._order
        try:
            site = self._sites.add_site(NewSite(order.collection, url, order.include, order.exclude, order.every))
        except InvalidField as error:
            yield IndexStep(url, "failed", error.message.removeprefix("url: "))
        else:
            self._site_ids.append(site.site_id)

    def _ensure_indexer(self, bar: ProgressBar) -> None:
        """Index in this process, unless another one of this machine does."""
        if self._indexer and self._indexer.is_alive():
            return
        if self._reader is None or self._reader.is_stopped:
            self._reader = make_site_reader(self._settings, self._reach)
        arguments = (self._settings, self._reader)
        self._indexer = Thread(target=index_in_turn, args=arguments, name="indexing", daemon=True)
        self._indexer.start()
        self._indexer.join(_LOOK_SECONDS)
        if not self._indexer.is_alive():
            bar.say("elsewhere", self._whole - len(self._waiting), self._whole)

    def _look_at_sites(self, bar: ProgressBar) -> Iterator[IndexStep]:
        for site_id in list(self._site_ids):
            site = self._sites.load_site(site_id)
            if site and site.is_due:
                bar.show_bar(site.done, site.found, site.url)
                continue
            self._site_ids.remove(site_id)
            yield from self._close_site(site) if site else ()

    def _close_site(self, site: KnowledgeSite) -> Iterator[IndexStep]:
        """Give what became of a site's pages. Those that have documents are waited for."""
        if site.status == "failed":
            yield IndexStep(site.url, "failed", site.reason or "")
        for page in StoredPages(self._library.database, site.site_id).load_pages():
            if page.document_id:
                self._waiting[page.document_id] = page.address
            elif page.state == "failed":
                yield IndexStep(page.address, "failed", page.reason)
        self._whole = max(self._whole, len(self._waiting))

    def _look_at_documents(self, bar: ProgressBar) -> Iterator[IndexStep]:
        ids = list(self._waiting)
        for start in range(0, len(ids), _IDS):
            found = {one.document_id: one for one in self._library.load_documents(ids[start : start + _IDS])}
            for document_id in ids[start : start + _IDS]:
                document = found.get(document_id)
                if document and document.status in ("queued", "reading"):
                    continue
                name = self._waiting.pop(document_id)
                if document:  # Otherwise somebody has deleted it.
                    state: StepState = "read" if document.status == "ready" else "failed"
                    yield IndexStep(name, state, document.reason or "")
                bar.show_bar(self._whole - len(self._waiting), self._whole, name)

    def _await_indexer(self, bar: ProgressBar) -> None:
        """Wait until this process has indexed all that it can. Passages are given their vectors only after they can be
        found by their words."""
        while self._indexer and self._indexer.is_alive():
            bar.say("meaning", self._whole, self._whole)
            self._indexer.join(_LOOK_SECONDS)
