"""This module has the library: what callers do with documents and collections."""

import re
import secrets
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec import Struct

from qa_service.errors import NotFound, TooLarge
from qa_service.knowledge.connections import DatabaseConnection, DatabaseRow
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import (
    DOCUMENT_COLUMNS,
    EVERYBODY,
    OWN,
    RECORD_ID,
    SHARED,
    Collection,
    CollectionKey,
    Document,
    DocumentPage,
    DocumentSource,
    DocumentText,
    NewDocument,
    read_document,
)
from qa_service.knowledge.replacing import lock_collection, remove_passages, settle_document
from qa_service.model import Place
from qa_service.pause import LongWork

UPLOAD_PART = 256 << 10
"""An upload is kept in parts of this many bytes, so that writing one doesn't hold up a worker's other requests."""
LIST_CURSOR = re.compile("([0-9a-f]{14})([0-9a-f]{32})")
"""So a list of documents says where it goes on: behind a moment, in microseconds since 1970, and an id. The document
that had them may be deleted meanwhile."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_PAGE = (1 << 31) - 1
FROM_DOCUMENT = f"select {DOCUMENT_COLUMNS} from document d join collection c on c.id = d.collection"


class DocumentFilter(Struct, frozen=True):
    """A `DocumentFilter` says which documents are listed. The list goes on where `cursor` says, which is a
    `LIST_CURSOR` or empty."""

    owners: tuple[str, ...] = (EVERYBODY,)
    collection: str = ""
    status: str = ""
    cursor: str = ""
    limit: int = 50


class Library:
    """A `Library` has the documents of a knowledge base. Every method raises `StoreUnavailable` where the knowledge
    base doesn't answer."""

    def __init__(self, database: Database, *, owner_bytes: int = 0) -> None:
        self.database = database
        self._owner_bytes = owner_bytes

    def add_document(self, new: NewDocument, content: bytes) -> tuple[Document, bool]:
        """Take a document to be read, and return it, and whether that changes anything: the same bytes under the same
        name don't, unless reading them has failed before.

        The text of a document with the same name stays until the new one is read, and also where that fails. Raises
        `TooLarge` where an owner keeps too much.
        """
        digest = _digest_content(content)
        with self.database.transaction() as connection:
            collection = ensure_collection(connection, new.collection)
            if found := self._find_named(connection, collection, new, digest):
                return found, False
            self._check_room(connection, new.collection, len(content))
            document_id = _queue_document(connection, collection, new, digest)
            for part, start in enumerate(range(0, len(content), UPLOAD_PART)):
                connection.run(
                    "insert into upload values (:document, :part::int, :bytes)",
                    document=document_id,
                    part=part,
                    bytes=content[start : start + UPLOAD_PART],
                )
            return _load_document(connection, document_id), True

    def put_text(self, new: NewDocument, text: DocumentText) -> tuple[Document, bool]:
        """Put a document there that is read already, and return it, and whether that changes anything. The document is
        replaced whole, in one transaction, or keeps its text where the new one is empty."""
        digest = _digest_text(text)
        with self.database.transaction() as connection:
            collection = ensure_collection(connection, new.collection)
            if found := self._find_named(connection, collection, new, digest):
                return found, False
            document_id = _queue_document(connection, collection, new, digest)
            settle_document(connection, document_id, collection, new.title or new.name, text)
            return _load_document(connection, document_id), True

    def remove_document(self, document_id: str, owners: Several[str]) -> None:
        """Delete a document of one of these owners. Raises `NotFound`."""
        _check_id(document_id)
        with self.database.transaction() as connection:
            found = connection.run(
                "select d.collection, d.passages, d.tokens, d.size from document d join collection c "
                "on c.id = d.collection where d.id = :document and c.owner = any(:owners::text[]) for update of d",
                document=document_id,
                owners=list(owners),
            )
            if not found:
                raise _no_document()
            collection, passages, tokens, size = found[0]
            lock_collection(connection, document_id)
            remove_passages(connection, document_id, 1 << 62)
            connection.run("delete from document where id = :document", document=document_id)
            connection.run(
                "update collection set passages = passages - :passages::int, tokens = tokens - :tokens::int, "
                "size = size - :size::bigint where id = :collection::int",
                collection=collection,
                passages=passages,
                tokens=tokens,
                size=size,
            )

    def find_document(self, document_id: str, owners: Several[str]) -> Document:
        """Return a document of one of these owners. Raises `NotFound`."""
        _check_id(document_id)
        rows = self.database.read(
            f"{FROM_DOCUMENT} where d.id = :document and c.owner = any(:owners::text[])",
            document=document_id,
            owners=list(owners),
        )
        if not rows:
            raise _no_document()
        return read_document(rows[0])

    def list_documents(self, wanted: DocumentFilter) -> tuple[Sequence[Document], str]:
        """List documents, oldest first, and return the cursor of the next ones, which is empty at the end."""
        moment, last_id = _read_cursor(wanted.cursor)
        rows = self.database.read(
            f"{FROM_DOCUMENT} where c.owner = any(:owners::text[]) and :collection in ('', c.name) "
            "and :status in ('', d.status) and (d.created, d.id) > (:moment::timestamptz, :last) "
            "order by d.created, d.id limit :most::int",
            owners=list(wanted.owners),
            collection=wanted.collection,
            status=wanted.status,
            moment=moment,
            last=last_id,
            most=wanted.limit + 1,
        )
        found = [read_document(row) for row in rows[: wanted.limit]]
        return found, _write_cursor(rows[wanted.limit - 1]) if len(rows) > wanted.limit else ""

    def load_documents(self, document_ids: Sequence[str]) -> Sequence[Document]:
        """Return those of these documents that are there, whoever owns them."""
        rows = self.database.read(f"{FROM_DOCUMENT} where d.id = any(:ids::text[])", ids=list(document_ids))
        return [read_document(row) for row in rows]

    def load_page(self, document_id: str, page: int, owners: Several[str]) -> DocumentPage:
        """Return the text of one page of a document. Raises `NotFound`."""
        document = self.find_document(document_id, owners)
        rows = self.database.read(
            "select body, section, place from passage where document = :document and page = :page::int order by number",
            document=document_id,
            page=min(page, _LAST_PAGE),
        )
        if not rows:
            raise NotFound("the document has no such page")
        label = msgspec.json.decode(rows[0][2], type=Place).label
        return DocumentPage(document, page, "".join(row[0] for row in rows), rows[0][1], label)

    def list_collections(self, owners: Several[str]) -> Sequence[Collection]:
        """List the collections of these owners. Each owner has one at least, which may be empty."""
        rows = self.database.read(
            "select c.owner, c.name, (select count(*) from document d where d.collection = c.id), c.passages, c.tokens "
            "from collection c where c.owner = any(:owners::text[])",
            owners=list(owners),
        )
        found = {
            CollectionKey(owner, name): Collection(CollectionKey(owner, name), *rest) for owner, name, *rest in rows
        }
        for owner in owners:
            usual = CollectionKey(owner, OWN if owner else SHARED)
            found.setdefault(usual, Collection(usual, 0, 0, 0))
        return [found[key] for key in sorted(found)]

    def load_sources(self, collection: CollectionKey) -> Mapping[str, DocumentSource]:
        """Return what the documents of a collection were made of, by their names, so that whoever reads a folder sees
        what has changed."""
        rows = self.database.read(
            "select d.name, d.id, d.hash, d.source from document d join collection c on c.id = d.collection "
            "where c.owner = :owner and c.name = :name",
            owner=collection.owner,
            name=collection.name,
        )
        return {name: DocumentSource(*rest) for name, *rest in rows}

    def _find_named(
        self, connection: DatabaseConnection, collection: int, new: NewDocument, digest: bytes
    ) -> Document | None:
        """Return the document of that name if it has these bytes already, with its title and address brought up to
        date."""
        rows = connection.run(
            "update document set title = :title, url = :url, "
            "indexed = case when title = :title then indexed else 0 end, "
            "source = case when :source = '' then source else :source end "
            "where collection = :collection::int and name = :name and hash = :digest and status <> 'failed' "
            "returning id",
            collection=collection,
            name=new.name,
            digest=digest,
            title=new.title,
            url=new.url,
            source=new.source,
        )
        return _load_document(connection, rows[0][0]) if rows else None

    def _check_room(self, connection: DatabaseConnection, key: CollectionKey, size: int) -> None:
        if key.is_shared or not self._owner_bytes:
            return
        kept = connection.run(
            "select coalesce(sum(c.size), 0)::bigint + coalesce((select sum(length(u.bytes)) from upload u "
            "join document d on d.id = u.document join collection c on c.id = d.collection where c.owner = :owner), 0)"
            "::bigint from collection c where c.owner = :owner",
            owner=key.owner,
        )
        if kept[0][0] + size > self._owner_bytes:
            raise TooLarge(f"your documents may have at most {self._owner_bytes} bytes together")


def ensure_collection(connection: DatabaseConnection, key: CollectionKey) -> int:
    """Return the number of this collection, which is made where there is none yet."""
    connection.run(
        "insert into collection (owner, name) values (:owner, :name) on conflict do nothing",
        owner=key.owner,
        name=key.name,
    )
    found = connection.run(
        "select id from collection where owner = :owner and name = :name", owner=key.owner, name=key.name
    )
    return int(found[0][0])


def _check_id(document_id: str) -> None:
    if not RECORD_ID.fullmatch(document_id):
        raise _no_document()


def _write_cursor(row: DatabaseRow) -> str:
    """Return where a list goes on behind this row, whose first column is the id, and the last but one the moment."""
    microseconds = (row[-2] - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:014x}{row[0]}"


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    found = LIST_CURSOR.fullmatch(cursor)
    return (_EPOCH + timedelta(microseconds=int(found[1], 16)), found[2]) if found else (_EPOCH, "")


def _queue_document(connection: DatabaseConnection, collection: int, new: NewDocument, digest: bytes) -> str:
    """Let the document wait to be read, in place of one with the same name, and return its id."""
    rows = connection.run(
        "insert into document (id, collection, name, title, url, charset, source, status, hash) "
        "values (:document, :collection::int, :name, :title, :url, :charset, :source, 'queued', :digest) "
        "on conflict (collection, name) do update set title = excluded.title, url = excluded.url, "
        "indexed = case when document.title = excluded.title then document.indexed else 0 end, "
        "charset = excluded.charset, source = excluded.source, status = 'queued', reason = null, "
        "hash = excluded.hash, attempts = 0, "
        "revision = document.revision + 1, lease = '-infinity', updated = now() returning id",
        document=secrets.token_hex(16),
        collection=collection,
        name=new.name,
        title=new.title,
        url=new.url,
        charset=new.charset,
        source=new.source,
        digest=digest,
    )
    document_id = str(rows[0][0])
    connection.run("delete from upload where document = :document", document=document_id)
    return document_id


def _load_document(connection: DatabaseConnection, document_id: str) -> Document:
    return read_document(connection.run(f"{FROM_DOCUMENT} where d.id = :document", document=document_id)[0])


def _digest_content(content: bytes) -> bytes:
    """Return the SHA-256 of the bytes. It takes 30 ms for the longest file, in which other requests have their turn."""
    digest, work = sha256(), LongWork()
    for start in range(0, len(content), UPLOAD_PART):
        digest.update(content[start : start + UPLOAD_PART])
        work.end_step()
    return digest.digest()


def _digest_text(text: DocumentText) -> bytes:
    digest = sha256()
    for part in text.passages:
        digest.update(f"{part.page}\0{part.section}\0{part.anchor}\0{part.text}\0".encode("utf-8", "replace"))
    return digest.digest()


def _no_document() -> NotFound:
    return NotFound("no such document")
