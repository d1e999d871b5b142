"""This module replaces the text of a document: its passages, their terms, and what is counted of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from qa_service.knowledge.connections import DatabaseConnection
from qa_service.knowledge.documents import DocumentPassage, DocumentText
from qa_service.knowledge.schema import INDEX_VERSION
from qa_service.knowledge.terms import weigh_terms, write_numbers, write_sparse
from qa_service.retrieval.splitting import estimate_tokens

_BATCH = 200
"""This many passages are written by one statement."""


def lock_collection(connection: DatabaseConnection, document_id: str) -> int | None:
    """Let nobody else change the passages of a document's collection until the transaction ends, and return the
    collection's number, or None where there is no such document."""
    found = connection.run(
        "select id from collection where id = (select collection from document where id = :document) for no key update",
        document=document_id,
    )
    return int(found[0][0]) if found else None


def settle_document(
    connection: DatabaseConnection, document_id: str, collection: int, heading: str, text: DocumentText
) -> None:
    """Put what was read in place of the document's text. Where nothing could be read, the document is `failed`, and
    keeps the text of the version before, if there was one, with its kind and its pages."""
    if text.passages:
        replace_passages(connection, document_id, collection, heading, text.passages)
    connection.run(
        "update document set status = :status, reason = :reason, updated = now(), "
        "kind = case when :status = 'failed' and passages > 0 then kind else :kind end, "
        "pages = case when :status = 'failed' and passages > 0 then pages else :pages::int end where id = :document",
        document=document_id,
        status="ready" if text.passages else "failed",
        reason=text.reason,
        kind=text.kind,
        pages=text.pages,
    )


def replace_passages(
    connection: DatabaseConnection, document_id: str, collection: int, heading: str, passages: Sequence[DocumentPassage]
) -> None:
    """Put these passages in place of the document's, within the connection's transaction. `heading` is found with
    each of them.

    The new ones are written first, which takes longest, and only then others who write into the collection have to
    wait. So terms that the old and the new text share are never without a count.
    """
    last = connection.run("select coalesce(max(id), 0) from passage where document = :document", document=document_id)
    counted: Counter[int] = Counter()
    most: dict[int, float] = {}
    for start in range(0, len(passages), _BATCH):
        batch = passages[start : start + _BATCH]
        weighed = [weigh_terms(collection, f"{heading}\n{part.section}\n{part.text}") for part in batch]
        numbers = _write_passages(connection, document_id, collection, start, batch)
        _write_lexical(connection, collection, numbers, weighed)
        for weights in weighed:
            counted.update(weights.keys())
            most.update({term: weight for term, weight in weights.items() if weight > most.get(term, 0.0)})
    lock_collection(connection, document_id)
    _count_terms(connection, counted, most)
    remove_passages(connection, document_id, last[0][0])
    _count_document(connection, document_id, collection, passages)


def remove_passages(connection: DatabaseConnection, document_id: str, last: int) -> None:
    """Delete the passages of a document up to the number `last`, with everything that is kept for them. The caller
    counts the document again, or deletes it."""
    gone = connection.run(
        "with gone as (delete from lexical using passage p where p.document = :document and p.id <= :last "
        "and lexical.id = p.id returning lexical.terms), "
        "counted as (select t as id, count(*)::int as n from gone, unnest(terms) as t group by t), "
        "changed as (update term set passages = passages - n from counted where term.id = counted.id "
        "returning term.id, term.passages) select id from changed where passages <= 0",
        document=document_id,
        last=last,
    )
    if gone:
        connection.run("delete from term where id = any(:gone::int[])", gone=write_numbers(row[0] for row in gone))
    # Vectors go with their passages.
    connection.run("delete from passage where document = :document and id <= :last", document=document_id, last=last)


def _write_passages(
    connection: DatabaseConnection, document_id: str, collection: int, start: int, batch: Sequence[DocumentPassage]
) -> list[int]:
    rows = connection.run(
        "with new as (insert into passage (collection, document, number, page, section, paged, place, anchor, body) "
        "select :collection::int, :document, :start::int + n::int, page, section, paged, place, anchor, body "
        "from unnest(:pages::int[], :sections::text[], :paged::boolean[], :places::text[], :anchors::text[], "
        ":bodies::text[]) with ordinality as part(page, section, paged, place, anchor, body, n) order by n "
        "returning id), "
        "waiting as (insert into unencoded select id from new) select id from new order by id",
        collection=collection,
        document=document_id,
        start=start,
        pages=[part.page for part in batch],
        sections=[_storable(part.section) for part in batch],
        paged=[part.paged for part in batch],
        places=[_storable(msgspec.json.encode(part.place).decode()) for part in batch],
        anchors=[_storable(part.anchor) for part in batch],
        bodies=[_storable(part.text) for part in batch],
    )
    return [row[0] for row in rows]


def _write_lexical(
    connection: DatabaseConnection, collection: int, numbers: Sequence[int], weighed: Sequence[Mapping[int, float]]
) -> None:
    connection.run(
        "insert into lexical select id, :collection::int, terms::int[], weights::sparsevec "
        "from unnest(:numbers::bigint[], :terms::text[], :weights::text[]) as part(id, terms, weights)",
        collection=collection,
        numbers=list(numbers),
        terms=[write_numbers(weights) for weights in weighed],
        weights=[write_sparse(weights) for weights in weighed],
    )


def _count_terms(connection: DatabaseConnection, counted: Mapping[int, int], most: Mapping[int, float]) -> None:
    # The terms are sorted, so that two transactions never wait for each other.
    terms = sorted(counted)
    connection.run(
        "insert into term select * from unnest(:terms::int[], :counts::int[], :most::real[]) "
        "on conflict (id) do update set passages = term.passages + excluded.passages, "
        "most = greatest(term.most, excluded.most)",
        terms=write_numbers(terms),
        counts=write_numbers(counted[term] for term in terms),
        most=f"{{{','.join(f'{most[term] + 1e-4:.6g}' for term in terms)}}}",
    )


def _count_document(
    connection: DatabaseConnection, document_id: str, collection: int, passages: Sequence[DocumentPassage]
) -> None:
    tokens = sum(estimate_tokens(part.text) for part in passages)
    size = sum(len(part.text.encode("utf-8", "replace")) for part in passages)
    connection.run(
        "with old as (select passages, tokens, size from document where id = :document), "
        "counted as (update collection c set passages = c.passages + :passages::int - old.passages, "
        "tokens = c.tokens + :tokens::int - old.tokens, size = c.size + :size::bigint - old.size "
        "from old where c.id = :collection::int) "
        "update document set passages = :passages::int, tokens = :tokens::int, size = :size::bigint, "
        "indexed = :version::int where id = :document",
        document=document_id,
        collection=collection,
        passages=len(passages),
        tokens=tokens,
        size=size,
        version=INDEX_VERSION,
    )


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL doesn't keep: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
