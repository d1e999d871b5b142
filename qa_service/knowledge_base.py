"""This module puts the knowledge base together from its settings: for a worker, and for the process that indexes."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from threading import Thread

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.crawling.fetching import FetchBounds
from qa_service.crawling.site_reader import USUAL, Reach, SiteReader
from qa_service.crawling.sites import Sites
from qa_service.errors import EncoderMissing, StoreUnavailable
from qa_service.files.isolation import ChildReaders
from qa_service.files.limits import ProcessLimits
from qa_service.files.process import PAGE_PROGRAM, READER_PROGRAM
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import EVERYBODY
from qa_service.knowledge.engine import EmbeddedPostgres, Engine, PostgresURL
from qa_service.knowledge.indexer import Indexer
from qa_service.knowledge.keeper import IndexerKeeper, lock_indexing
from qa_service.knowledge.library import Library
from qa_service.knowledge.search import KnowledgeSource, SearchScope
from qa_service.knowledge.vectors import MissingVectors
from qa_service.knowledge.waiting import WaitingDocuments
from qa_service.language.encoder import load_encoder
from qa_service.model import Owner, Question
from qa_service.retrieval.fusing import SourceCandidates, drop_repeated, fuse_candidates
from qa_service.retrieval.terms import build_terms
from qa_service.search_interfaces import Candidate, CandidateSource, Encoder, SearchTerms
from qa_service.settings import Settings
from qa_service.threads import start_thread

log = logging.getLogger(__name__)

MOST_CANDIDATES = 60
PATIENCE = 20
"""A document may take this many times as long as an upload, because nobody waits for it and everybody else goes
first."""
_OUTAGE_SECONDS = 10.0
"""After a failure, answers are written without the knowledge base for this long, so that not each of them waits for
it."""


class Outage:
    """An `Outage` remembers when the knowledge base has failed last."""

    def __init__(self, seconds: float = _OUTAGE_SECONDS) -> None:
        self._seconds = seconds
        self._until = 0.0

    def is_over(self) -> bool:
        """Tell whether it may be asked again."""
        return time.monotonic() >= self._until

    def begin(self, error: StoreUnavailable) -> None:
        """Note a failure."""
        self._until = time.monotonic() + self._seconds
        log.warning("answers are written without the knowledge base: %s", error.message)


class OptionalSource(Struct, frozen=True):
    """An `OptionalSource` finds nothing where its source is away."""

    source: CandidateSource
    outage: Outage

    def find_candidates(self, terms: SearchTerms, most: int) -> Sequence[Candidate]:
        """Find what the source finds."""
        try:
            return self.source.find_candidates(terms, most)
        except StoreUnavailable as error:
            self.outage.begin(error)
            return ()


class KnowledgeBase(Struct, frozen=True):
    """A `KnowledgeBase` holds the parts of the knowledge base as one process uses them."""

    database: Database
    library: Library
    waiting: WaitingDocuments
    sites: Sites
    keeper: IndexerKeeper
    encoder: Encoder | None
    names: Sequence[str]
    """A question searches these collections where it says nothing."""
    outage: Outage
    shared: Encoder | None = None
    """This is the same encoder in another process, where there is one. Searches without a question use it, since a long
    one takes some hundredths of a second, in which a worker could stream nothing."""

    def source_for(self, owners: Sequence[str], names: Sequence[str] = ()) -> CandidateSource:
        """Return where questions of whoever reads these owners' collections are searched. `names` are collections, as
        `SearchScope` has them; where there are none, the usual ones are searched."""
        scope = SearchScope(tuple(owners), tuple(names or self.names))
        return KnowledgeSource(self.database, scope, encoder=self.encoder.name if self.encoder else "")

    def open_for(self, question: Question) -> CandidateSource | None:
        """Return what a question is answered from, or None where there is nothing, or where it wants nothing. An answer
        never fails because the knowledge base is away."""
        if question.collections is None or not self.outage.is_over():
            return None
        try:
            if not self.database.has_tables():
                return None
        except StoreUnavailable as error:
            self.outage.begin(error)
            return None
        return OptionalSource(self.source_for(list_owners(question.owner), question.collections), self.outage)

    def search(self, owners: Sequence[str], text: str, names: Sequence[str], most: int) -> Sequence[Candidate]:
        """Return the passages that a question gets, best first. Raises `StoreUnavailable`."""
        terms = self._build_terms(text)
        found = self.source_for(owners, names).find_candidates(terms, MOST_CANDIDATES)
        candidates = {candidate.passage: candidate for candidate in found}
        ranked = drop_repeated(fuse_candidates([SourceCandidates(found)]))
        # Fusing notes how near each passage is, and where its text stands again, which the source didn't.
        return [candidates[replace(passage, nearness=0.0, repeated_in=())] for passage in ranked[:most]]

    def _build_terms(self, text: str) -> SearchTerms:
        try:
            return build_terms(text, encoder=self.shared or self.encoder)
        except ConnectionError:
            return build_terms(text, encoder=self.encoder)

    def describe(self) -> str:
        """Say for operators which engine is used, or why there is no knowledge base."""
        try:
            is_there = self.database.has_tables()
        except StoreUnavailable as error:
            return f"away: {error.message}"
        label = self.database.engine.label
        return label if is_there else f"empty; with the first document: {label}"


def list_owners(owner: Owner) -> tuple[str, ...]:
    """Return the owners whose collections this one may read: their own, and the shared ones, which belong to everybody.
    A visitor has no collections of their own, because all visitors are one owner."""
    return (EVERYBODY,) if owner.kind == "anonymous" else (owner.key, EVERYBODY)


def open_knowledge(settings: Settings, encoder: Encoder | None, shared: Encoder | None = None) -> KnowledgeBase | None:
    """Open the knowledge base that the settings describe, or return None where they turn it off. Nothing is started,
    and nothing is connected, before something is asked of it."""
    if not settings.knowledge:
        return None
    database = open_database(settings)
    waiting = WaitingDocuments(database, owner_bytes=settings.owner_bytes)
    sites = Sites(database)

    def has_work() -> bool:
        return waiting.has_work(encoder.name if encoder else "") or sites.has_due()

    return KnowledgeBase(
        database,
        Library(database, owner_bytes=settings.owner_bytes),
        waiting,
        sites,
        IndexerKeeper(settings.data, has_work, partial(_describe_work, settings)),
        encoder,
        settings.collections,
        Outage(),
        shared,
    )


def open_database(settings: Settings) -> Database:
    """Return the database that the settings name, or the private one of the data folder. Nothing is connected yet."""
    engine: Engine = PostgresURL(settings.database_url) if settings.database_url else EmbeddedPostgres(settings.data)
    replica = PostgresURL(settings.database_replica_url) if settings.database_replica_url else None
    return Database(engine, replica)


def make_indexer(settings: Settings, encoder: Encoder | None) -> Indexer:
    """Return an indexer, which does what waits when it is asked to. It reads one file at a time, beside which the
    reader of sites parses one page."""
    database = open_database(settings)
    folder = settings.data / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Indexer(
        WaitingDocuments(database, owner_bytes=settings.owner_bytes, owner_seconds=settings.read_seconds),
        _make_readers(settings),
        MissingVectors(database, encoder) if encoder else None,
        folder=folder.absolute(),
    )


def make_site_reader(settings: Settings, reach: Reach = USUAL) -> SiteReader:
    """Return a reader of the sites that are due."""
    database = open_database(settings)
    library = Library(database, owner_bytes=settings.owner_bytes)
    parse = _make_readers(settings, PAGE_PROGRAM).parse_content
    return SiteReader(Sites(database), library, FetchBounds(settings.max_file), reach, parse=parse)


def _make_readers(settings: Settings, program: str = READER_PROGRAM) -> ChildReaders:
    seconds = PATIENCE * settings.file_seconds
    limits = ProcessLimits(settings.file_memory, seconds)
    return ChildReaders(seconds=seconds, limits=limits, slots=1, program=program)


def index_waiting(indexer: Indexer, sites: SiteReader) -> None:
    """Read documents and sites until none has waited for some time. The documents that a site has are read while the
    rest of the site is being fetched. Where `sites` is stopped, only the documents are read. At the end
    `sites` is stopped, and can't be used again."""
    thread = Thread(target=sites.read_until_stopped, name="sites", daemon=True)
    start_thread(thread)
    try:
        indexer.run()
        while sites.is_reading and not sites.is_stopped:
            indexer.run()
    finally:
        sites.stop_reading()
        thread.join()


def index_in_turn(settings: Settings, sites: SiteReader) -> bool:
    """Index what waits, unless another process of this machine does. Returns whether this one did."""
    lock = lock_indexing(settings.data)
    if lock is None:
        return False
    with lock:
        _index_here(settings, sites)
    return True


def run_indexing() -> None:
    """Be the process that indexes, as `IndexerKeeper` starts it. Its standard input has the settings in one line, and
    is closed when the process is to end."""
    told = sys.stdin.buffer.readline()
    Thread(target=_leave_at_end, name="leave", daemon=True).start()
    settings = msgspec.convert(msgspec.json.decode(told), Settings, dec_hook=lambda kind, text: kind(text))
    has_work = True
    while has_work and (lock := lock_indexing(settings.data)):
        with lock:
            indexer = _index_here(settings, make_site_reader(settings))
        has_work = indexer.has_work()
    os._exit(0)  # A thread may still wait for the end of the input.


def _index_here(settings: Settings, sites: SiteReader) -> Indexer:
    indexer = make_indexer(settings, _load_encoder(settings))
    index_waiting(indexer, sites)
    return indexer


def _leave_at_end() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _load_encoder(settings: Settings) -> Encoder | None:
    if settings.semantic == "off":
        return None
    try:
        return load_encoder()
    except EncoderMissing:
        return None


def _describe_work(settings: Settings) -> bytes:
    """Write those settings that an indexer needs, and no key."""
    names = ("database_url", "owner_bytes", "read_seconds", "file_seconds", "file_memory", "max_file", "semantic")
    told = {name: getattr(settings, name) for name in names}
    return msgspec.json.encode({**told, "data": str(settings.data.absolute())})
