"""This module declares the objects of the knowledge base as they leave the service, and builds them."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from qa_service.search_interfaces import Candidate
from qa_service.wire.structs import Outgoing

DocumentState: TypeAlias = Literal["queued", "reading", "ready", "failed"]
SearchWay: TypeAlias = Literal["lexical", "dense"]


class DocumentObject(Outgoing, frozen=True, kw_only=True):
    """This is a document of the knowledge base. It is found by its words when it is `ready`, and by its meaning soon
    after. A document that is replaced is found by its old text until the new one is `ready`."""

    document_id: str
    name: str
    title: str
    url: str
    collection: str
    shared: bool
    kind: str
    status: DocumentState
    reason: str | None = None
    pages: int
    passages: int
    tokens: int
    created_at: str
    updated_at: str


class DocumentListObject(Outgoing, frozen=True, kw_only=True):
    """These are documents, oldest first. `next` is the cursor of those that follow, or null."""

    items: tuple[DocumentObject, ...]
    next: str | None


class DocumentPageObject(Outgoing, frozen=True, kw_only=True):
    """This is the text of one page of a document. `section` is empty where the page belongs to none, and `label` where
    the page has no printed number of its own."""

    document_id: str
    name: str
    title: str
    url: str
    page: int
    pages: int
    text: str
    section: str
    label: str


class CollectionObject(Outgoing, frozen=True, kw_only=True):
    """This is a collection of documents."""

    name: str
    documents: int
    passages: int
    tokens: int
    readers: Literal["own", "shared"]


class CollectionListObject(Outgoing, frozen=True, kw_only=True):
    """These are the collections that the caller's questions can search."""

    items: tuple[CollectionObject, ...]


class FoundPassageObject(Outgoing, frozen=True, kw_only=True):
    """This is a passage that a question would get."""

    document_id: str
    title: str
    url: str
    page: int | None
    section: str
    text: str
    lexical: float
    dense: float
    coverage: float
    found_by: tuple[SearchWay, ...]


class FoundPassagesObject(Outgoing, frozen=True, kw_only=True):
    """These are passages, best first."""

    items: tuple[FoundPassageObject, ...]


DOCUMENT_OBJECTS = (
    CollectionListObject,
    DocumentListObject,
    DocumentObject,
    DocumentPageObject,
    FoundPassagesObject,
)


def build_found_passages(candidates: Sequence[Candidate], prefix: str) -> FoundPassagesObject:
    """Build the list of passages that were found. The address of a passage without one is its page's text."""
    return FoundPassagesObject(items=tuple(_build_found(candidate, prefix) for candidate in candidates))


def _build_found(candidate: Candidate, prefix: str) -> FoundPassageObject:
    passage = candidate.passage
    ways: tuple[tuple[SearchWay, float], ...] = (("lexical", candidate.lexical), ("dense", candidate.dense))
    return FoundPassageObject(
        document_id=passage.file_id,
        title=passage.file,
        url=passage.url or f"{prefix}/documents/{passage.file_id}/pages/{passage.page}",
        page=passage.page if passage.paged else None,
        section=passage.section,
        text=passage.text,
        lexical=round(candidate.lexical, 4),
        dense=round(candidate.dense, 4),
        coverage=round(candidate.coverage, 4),
        found_by=tuple(way for way, score in ways if score > 0),
    )
