"""This module has the values of the knowledge base: documents, their text, and the collections that they lie in."""

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from qa_service.clock import format_moment
from qa_service.model import Place

DocumentStatus: TypeAlias = Literal["queued", "reading", "ready", "failed"]

OWN = "own"
SHARED = "shared"
EVERYBODY = ""
"""A collection with this owner is shared."""
RECORD_ID = re.compile("[0-9a-f]{32}")
"""Documents and sites have such ids. What callers send in their place mustn't reach PostgreSQL, which raises an error
for some texts."""


class CollectionKey(Struct, frozen=True, order=True):
    """A `CollectionKey` names a collection. Its owner is the key of an `Owner`, or empty for a shared collection."""

    owner: str
    name: str

    @property
    def is_shared(self) -> bool:
        """Tell whether everybody may search the collection."""
        return self.owner == EVERYBODY


class Collection(Struct, frozen=True):
    """A `Collection` is a collection as it is listed."""

    key: CollectionKey
    documents: int
    passages: int
    tokens: int


class NewDocument(Struct, frozen=True):
    """A `NewDocument` is a document as somebody brings it. Its name is unique in its collection."""

    collection: CollectionKey
    name: str
    title: str = ""
    url: str = ""
    """A citation leads there. Where it is empty, it leads to the text of the page."""
    charset: str = ""
    source: str = ""
    """This names the folder that it comes from, if it comes from one."""


class DocumentSource(Struct, frozen=True):
    """A `DocumentSource` says what a document was made of: bytes with this SHA-256, of the folder `source`, if any."""

    document_id: str
    digest: bytes
    source: str


class Document(Struct, frozen=True):
    """A `Document` is a document of the knowledge base as it is listed."""

    document_id: str
    collection: CollectionKey
    name: str
    title: str
    url: str
    kind: str
    status: DocumentStatus
    reason: str | None
    pages: int
    passages: int
    tokens: int
    created_at: str
    updated_at: str


class DocumentPassage(Struct, frozen=True):
    """A `DocumentPassage` is a piece of one page of a document. The passages of a page, joined, are its text."""

    text: str
    page: int = 1
    section: str = ""
    paged: bool = True
    place: Place = Place()
    anchor: str = ""
    """This is the id of the heading above the passage, where the document is a web page that has such ids."""


class DocumentText(Struct, frozen=True):
    """A `DocumentText` is what was read of a document."""

    passages: Sequence[DocumentPassage] = ()
    kind: str = ""
    reason: str | None = None
    """This says why the document has no text, or not all of it."""
    pages: int = 0


class DocumentPage(Struct, frozen=True):
    """A `DocumentPage` is the text of one page of a document. `label` is the number that is printed on the page, where
    that isn't its place in the document."""

    document: Document
    page: int
    text: str
    section: str = ""
    label: str = ""


DOCUMENT_COLUMNS = (
    "d.id, c.owner, c.name, d.name, d.title, d.url, d.kind, d.status, d.reason, d.pages, d.passages, d.tokens, "
    "d.created, d.updated"
)


def read_document(row: Sequence[Any]) -> Document:
    """Make a document of a row with `DOCUMENT_COLUMNS`."""
    document_id, owner, collection, *rest, created, updated = row
    moments = map(format_moment, (created, updated))
    return Document(*(document_id, CollectionKey(owner, collection), *rest, *moments))
