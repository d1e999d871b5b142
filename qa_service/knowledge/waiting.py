"""This module has the documents that wait to be read: it hands each to one indexer at a time, and takes what was read.

An indexer holds a document by a lease, which it renews. When the lease has run out, because the indexer died, another
one gets the document. Whoever comes back too late is refused where another indexer has the document, because the number
of attempts differs.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from qa_service.knowledge.connections import DatabaseConnection
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import EVERYBODY, DocumentPassage, DocumentText
from qa_service.knowledge.replacing import replace_passages, settle_document
from qa_service.knowledge.schema import INDEX_VERSION
from qa_service.model import Place

_LEASE_SECONDS = 20.0
MOST_ATTEMPTS = 5
"""A document whose indexers have died this many times is given up."""


class ClaimedDocument(Struct, frozen=True):
    """A `ClaimedDocument` is a document that one indexer holds. `revision` and `attempts` identify its claim."""

    document_id: str
    owner: str
    name: str
    title: str
    charset: str
    revision: int
    attempts: int
    is_read: bool
    """This says whether the text is there already, and only has to be indexed again."""


class WaitingDocuments:
    """A `WaitingDocuments` gives indexers their work. An owner's documents have at most `owner_bytes` of text together,
    and are read for at most `owner_seconds` within an hour; 0 stands for no bound. Shared documents have none."""

    def __init__(
        self,
        database: Database,
        *,
        owner_bytes: int = 0,
        owner_seconds: float = 0.0,
        lease_seconds: float = _LEASE_SECONDS,
    ) -> None:
        self._database = database
        self._owner_bytes = owner_bytes
        self._owner_seconds = owner_seconds
        self._lease = f"{lease_seconds} seconds"

    def has_work(self, encoder: str = "") -> bool:
        """Tell whether there is something for an indexer to do: to read a document that nobody holds, or, where there
        is an encoder of this name, to encode a passage."""
        rows = self._database.read(
            f"select exists (select from document where {_CLAIMABLE}) or (:encoder <> '' and "
            "(exists (select from unencoded) or exists (select from passage) and "
            "(select value from state where name = 'encoder') is distinct from :encoder))",
            encoder=encoder,
        )
        return bool(rows and rows[0][0])

    def claim_document(self) -> ClaimedDocument | None:
        """Return the document that has waited longest, which nobody else gets while the lease lasts, or None."""
        if not self._database.has_tables():
            return None
        with self._database.transaction() as connection:
            rows = connection.run(
                "update document d set lease = now() + :lease::interval, attempts = d.attempts + 1, "
                f"status = case when d.{_IS_READ} then d.status else 'reading' end from collection c "
                f"where c.id = d.collection and d.id = (select id from document where {_CLAIMABLE} "
                f"order by {_IS_READ}, updated limit 1 for update skip locked) "
                f"returning d.id, c.owner, d.name, d.title, d.charset, d.revision, d.attempts, d.{_IS_READ}",
                lease=self._lease,
            )
        return ClaimedDocument(*rows[0]) if rows else None

    def renew_claim(self, claimed: ClaimedDocument) -> bool:
        """Prolong the lease, and return whether the document is still this indexer's."""
        with self._database.transaction() as connection:
            changed = connection.run(
                "update document set lease = now() + :lease::interval where id = :document "
                "and revision = :revision::int and attempts = :attempts::int returning id",
                lease=self._lease,
                **_claim_values(claimed),
            )
        return bool(changed)

    def return_document(self, claimed: ClaimedDocument) -> None:
        """Let the document wait again, behind the others, as if nobody had claimed it."""
        with self._database.transaction() as connection:
            connection.run(
                "update document set lease = '-infinity', updated = now(), attempts = attempts - 1, "
                f"status = case when {_IS_READ} then status else 'queued' end "
                "where id = :document and revision = :revision::int and attempts = :attempts::int",
                **_claim_values(claimed),
            )

    def load_upload(self, claimed: ClaimedDocument) -> Iterator[bytes]:
        """Give the bytes of the document, part after part."""
        part = 0
        while rows := self._database.read(
            "select bytes from upload where document = :document and part = :part::int",
            document=claimed.document_id,
            part=part,
        ):
            yield rows[0][0]
            part += 1

    def load_seconds(self, claimed: ClaimedDocument) -> float | None:
        """Return for how long the document may be read, or None where nothing bounds it."""
        if claimed.owner == EVERYBODY or not self._owner_seconds:
            return None
        rows = self._database.read(
            f"select seconds from reading where owner = :owner and {_THIS_HOUR}", owner=claimed.owner
        )
        return self._owner_seconds - (rows[0][0] if rows else 0.0)

    def spend_seconds(self, claimed: ClaimedDocument, seconds: float) -> None:
        """Count that reading the document took this many seconds. An owner's hour begins with the first document."""
        if claimed.owner == EVERYBODY:
            return
        with self._database.transaction() as connection:
            connection.run(
                "insert into reading values (:owner, now(), :seconds::float8) on conflict (owner) do update set "
                f"began = case when {_THIS_HOUR} then reading.began else now() end, "
                f"seconds = excluded.seconds + case when {_THIS_HOUR} then reading.seconds else 0 end",
                owner=claimed.owner,
                seconds=seconds,
            )

    def load_passages(self, claimed: ClaimedDocument) -> Sequence[DocumentPassage]:
        """Return the text that the document has."""
        rows = self._database.read(
            "select body, page, section, paged, place, anchor from passage where document = :document order by number",
            document=claimed.document_id,
        )
        return [
            DocumentPassage(text, page, section, paged, msgspec.json.decode(place, type=Place), anchor)
            for text, page, section, paged, place, anchor in rows
        ]

    def finish_document(self, claimed: ClaimedDocument, text: DocumentText) -> bool:
        """Replace the document whole, in one transaction, and return True. Nothing happens where the document was
        deleted or replaced meanwhile, or another indexer has it."""
        with self._database.transaction() as connection:
            # The document is locked before its collection, as whoever deletes or replaces it does, too.
            found = connection.run(f"select collection {_CLAIMED} for no key update", **_claim_values(claimed))
            if found:
                text = self._check_room(connection, claimed, text)
                target = connection, claimed.document_id, found[0][0], claimed.title or claimed.name
                if claimed.is_read:
                    replace_passages(*target, text.passages)
                else:
                    settle_document(*target, text)
                _release_document(connection, claimed)
        return bool(found)

    def _check_room(self, connection: DatabaseConnection, claimed: ClaimedDocument, text: DocumentText) -> DocumentText:
        """Return the text, or none where its owner would keep too much with it."""
        if claimed.owner == EVERYBODY or not self._owner_bytes or claimed.is_read:
            return text
        kept = connection.run(
            "select coalesce(sum(d.size), 0)::bigint from document d join collection c on c.id = d.collection "
            "where c.owner = :owner and d.id <> :document",
            owner=claimed.owner,
            document=claimed.document_id,
        )
        size = sum(len(part.text.encode("utf-8", "replace")) for part in text.passages)
        fits = kept[0][0] + size <= self._owner_bytes
        return text if fits else DocumentText(kind=text.kind, reason="over_quota", pages=text.pages)


_THIS_HOUR = "reading.began > now() - interval '1 hour'"
_IS_READ = "status in ('ready', 'failed')"
_CLAIMABLE = (
    f"lease < now() and (status in ('queued', 'reading') or {_IS_READ} and passages > 0 and indexed < {INDEX_VERSION})"
)
_CLAIMED = "from document where id = :document and revision = :revision::int and attempts = :attempts::int"


def _claim_values(claimed: ClaimedDocument) -> dict[str, object]:
    return {"document": claimed.document_id, "revision": claimed.revision, "attempts": claimed.attempts}


def _release_document(connection: DatabaseConnection, claimed: ClaimedDocument) -> None:
    connection.run(
        "update document set lease = '-infinity', attempts = 0 where id = :document", document=claimed.document_id
    )
    connection.run("delete from upload where document = :document", document=claimed.document_id)
