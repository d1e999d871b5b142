"""This module has a knowledge base in a real PostgreSQL, with what tests put into it and ask of it."""

from collections.abc import Sequence
from pathlib import Path

from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, Document, DocumentPassage, DocumentText, NewDocument
from qa_service.knowledge.indexer import Indexer, IndexerPace
from qa_service.knowledge.library import Library
from qa_service.knowledge.search import KnowledgeSource, SearchScope
from qa_service.knowledge.vectors import MissingVectors
from qa_service.knowledge.waiting import WaitingDocuments
from qa_service.language.tokens import list_tokens
from qa_service.search_interfaces import Candidate, SearchTerms
from tests.fakes import FakeEncoder
from tests.web.house import Reader

SHARED = CollectionKey("", "shared")
MINE = CollectionKey("a" * 32, "own")
TABLES = ("document", "upload", "passage", "lexical", "term", "dense", "unencoded")


def put(database: Database, name: str, *texts: str, key: CollectionKey = SHARED, title: str = "") -> Document:
    """Put a document that is read already into the knowledge base, with a page for each text."""
    passages = [DocumentPassage(text, page) for page, text in enumerate(texts, 1)]
    document, _ = Library(database).put_text(
        NewDocument(key, name, title), DocumentText(passages, "text", None, len(texts))
    )
    return document


def ask(database: Database, question: str, *owners: str, names: Sequence[str] = ("own", "shared")) -> list[Candidate]:
    """Search, and return what is found, best words first."""
    encoder = FakeEncoder()
    source = KnowledgeSource(database, SearchScope((*owners, ""), tuple(names)), encoder=encoder.name)
    terms = SearchTerms(dict.fromkeys(list_tokens(question), 1.0), encoder.encode_texts([question])[0])
    return sorted(source.find_candidates(terms, 20), key=lambda found: -found.lexical)


def texts_of(found: Sequence[Candidate]) -> list[str]:
    return [candidate.passage.text for candidate in found]


def count_rows(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    return {table: database.read(f"select count(*) from {table}")[0][0] for table in TABLES}


def counts_agree(database: Database) -> bool:
    """Tell whether all that is counted is what is there: nothing is lost, and nothing is there twice."""
    terms = "(select t, count(*)::int from lexical, unnest(terms) t group by t)"
    checks = (
        f"select count(*) from ({terms} except select id, passages from term) x",
        f"select count(*) from (select id, passages from term except {terms}) x",
        "select count(*) from document d where passages <> (select count(*) from passage p where p.document = d.id)",
        "select count(*) from collection c where passages <> "
        "(select count(*) from passage p where p.collection = c.id)",
        "select count(*) from passage p where not exists (select from lexical l where l.id = p.id)",
        "select count(*) from (select 1 from passage group by document, number having count(*) > 1) x",
        "select count(*) from passage p where (select count(*) from dense d where d.id = p.id) + "
        "(select count(*) from unencoded u where u.id = p.id) <> 1",
    )
    return [database.read(check)[0][0] for check in checks] == [0] * len(checks)


def make_indexer(
    database: Database,
    folder: Path,
    *,
    encoder: FakeEncoder | None = None,
    owner_bytes: int = 0,
    owner_seconds: float = 0.0,
) -> Indexer:
    """Return an indexer that reads in this process, where each document seems to take a second."""
    vectors = MissingVectors(database, encoder) if encoder else None
    waiting = WaitingDocuments(database, owner_bytes=owner_bytes, owner_seconds=owner_seconds)
    pace = IndexerPace(renewal=0.05, pause=0.01, patience=0.05, outage=0.05)
    return Indexer(waiting, Reader(), vectors, folder=folder, pace=pace)


def server_of(database: Database) -> int:
    """Return the number of the server's process, which is the parent of each connection's."""
    backend = database.read("select pg_backend_pid()")[0][0]
    status = Path(f"/proc/{backend}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))
