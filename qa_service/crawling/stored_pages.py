"""This module keeps the pages of a site in the database, and makes documents of them in the library."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from qa_service.crawling.fetching import Known
from qa_service.crawling.ledger import PageContent, SitePage
from qa_service.errors import NotFound
from qa_service.knowledge.database import Database
from qa_service.knowledge.documents import CollectionKey, NewDocument
from qa_service.knowledge.library import Library

# A document that was deleted meanwhile is left out, and the next round reads its page anew.
_SAVE = """insert into site_page
    (site, key, address, depth, state, reason, round, misses, etag, modified, digest, document, deaths)
    select :site, page.key, page.address, page.depth, page.state, page.reason, page.round, page.misses, page.etag,
        page.modified, page.digest, d.id, page.deaths
    from unnest(:keys::text[], :addresses::text[], :depths::int[], :states::text[], :reasons::text[], :rounds::int[],
        :missed::int[], :etags::text[], :changes::text[], :digests::text[], :documents::text[], :deaths::int[])
        with ordinality as page
        (key, address, depth, state, reason, round, misses, etag, modified, digest, document, deaths, number)
    left join document d on d.id = page.document order by page.number
    on conflict (site, key) do update set address = excluded.address, depth = excluded.depth, state = excluded.state,
        reason = excluded.reason, round = excluded.round, misses = excluded.misses, etag = excluded.etag,
        modified = excluded.modified, digest = excluded.digest, document = excluded.document,
        deaths = excluded.deaths"""
_VALUES = (
    "keys",
    "addresses",
    "depths",
    "states",
    "reasons",
    "rounds",
    "missed",
    "etags",
    "changes",
    "digests",
    "documents",
    "deaths",
)
_BATCH = 500


class StoredPages:
    """A `StoredPages` is the `SiteLedger` of one site in the database."""

    def __init__(self, database: Database, site_id: str) -> None:
        self._database = database
        self._site_id = site_id

    def load_pages(self) -> Sequence[SitePage]:
        rows = self._database.read(
            "select key, address, depth, state, reason, round, misses, etag, modified, digest, coalesce(document, ''), "
            "deaths from site_page where site = :site order by position",
            site=self._site_id,
        )
        return [_read_page(*row) for row in rows]

    def save_pages(self, pages: Sequence[SitePage]) -> None:
        rows = iter({page.key: page for page in pages}.values())
        with self._database.transaction() as connection:
            while batch := list(islice(rows, _BATCH)):
                columns = zip(*map(_row, batch), strict=True)
                connection.run(_SAVE, site=self._site_id, **dict(zip(_VALUES, map(list, columns), strict=True)))


def _read_page(key: str, address: str, *row: Any) -> SitePage:
    depth, state, reason, number, misses, etag, modified, digest, document_id, deaths = row
    known = Known(etag, modified)
    return SitePage(key, address, depth, state, reason, number, misses, known, digest, document_id, deaths)


def _row(page: SitePage) -> tuple[object, ...]:
    return (
        page.key,
        page.address,
        page.depth,
        page.state,
        page.reason,
        page.round,
        page.misses,
        page.known.etag,
        page.known.modified,
        page.digest,
        page.document_id,
        page.deaths,
    )


class LibraryShelf:
    """A `LibraryShelf` is the `PageShelf` of one site. A page's document is named after its address, and is read like
    any other document. Where the collection has another site with the same page, both have one document, which stays
    until neither has the page."""

    def __init__(self, library: Library, site_id: str, collection: CollectionKey) -> None:
        self._library = library
        self._site_id = site_id
        self._collection = collection

    def put_page(self, content: PageContent) -> str:
        new = NewDocument(self._collection, content.address, content.title, content.address, content.charset)
        if content.text:
            document, _ = self._library.put_text(new, content.text)
        else:
            document, _ = self._library.add_document(new, content.content)
        return document.document_id

    def remove_page(self, document_id: str) -> None:
        others = self._library.database.read(
            "select from site_page where document = :document and site <> :site limit 1",
            document=document_id,
            site=self._site_id,
        )
        if others:
            return
        with suppress(NotFound):
            self._library.remove_document(document_id, [self._collection.owner])
