"""This module gives passages their vectors, after their documents are found by words already.

Encoding takes much longer than all other work on a document, so it isn't part of the transaction that replaces the
document. Passages that have no vector yet are listed in the table `unencoded`. A batch of them is taken, encoded and
taken off the list in one transaction, so that a death loses only the work on one batch.
"""

from collections.abc import Sequence

from qa_service.knowledge.connections import DatabaseConnection
from qa_service.knowledge.database import Database
from qa_service.knowledge.search import write_vector
from qa_service.search_interfaces import Encoder

_BATCH = 64
NEAR_FROM = 5_000
"""A collection with this many vectors gets an index. Fewer are all compared, which is exact and takes a millisecond for
every thousand."""


class MissingVectors:
    """A `MissingVectors` encodes the passages that have no vector of this encoder yet."""

    def __init__(self, database: Database, encoder: Encoder, *, near_from: int = NEAR_FROM) -> None:
        self._database = database
        self._encoder = encoder
        self._near_from = near_from

    @property
    def encoder(self) -> str:
        """Return the encoder's name."""
        return self._encoder.name

    def choose_encoder(self) -> None:
        """Make this the encoder of all passages. Where it was another one, all passages are to be encoded again,
        because the vectors of two encoders can't be compared."""
        with self._database.transaction() as connection:
            connection.run("insert into state values ('encoder', '') on conflict (name) do nothing")
            known = connection.run("select value from state where name = 'encoder' for update")[0][0]
            if known != self._encoder.name:
                connection.run("delete from dense")
                connection.run("insert into unencoded select id from passage on conflict do nothing")
                connection.run("update state set value = :name where name = 'encoder'", name=self._encoder.name)

    def encode_batch(self) -> bool:
        """Encode some passages, and return whether there were any. Several processes may do this at once."""
        if not self._database.has_tables():
            return False
        with self._database.transaction() as connection:
            rows = connection.run(
                # Whoever deletes one of these passages waits until its vector is written, and deletes that, too.
                "with taken as (delete from unencoded where id in "
                f"(select id from unencoded order by id limit {_BATCH} for update skip locked) returning id) "
                "select p.id, p.collection, p.body from taken join passage p on p.id = taken.id for key share of p"
            )
            if rows:
                vectors = self._encoder.encode_texts([row[2] for row in rows])
                _write_vectors(connection, rows, vectors)
        return bool(rows)

    def build_indexes(self) -> None:
        """Build the indexes of the collections that have become large. Others go on reading and writing meanwhile."""
        large = self._database.read(
            "select id from collection where not is_near and passages >= :least::int", least=self._near_from
        )
        for (collection,) in large:
            self._build_index(collection)

    def _build_index(self, collection: int) -> None:
        with self._database.lend_for_long() as connection:
            # A death in the middle leaves an index that can't be used, and that counts as none.
            connection.run(f"drop index if exists dense_near_{collection}")
            connection.run(
                f"create index concurrently dense_near_{collection} on dense "
                f"using hnsw (vector halfvec_ip_ops) where collection = {collection}"
            )
            connection.run("update collection set is_near = true where id = :id::int", id=collection)


def _write_vectors(connection: DatabaseConnection, rows: Sequence[Sequence[object]], vectors: Sequence[bytes]) -> None:
    connection.run(
        "insert into dense select * from unnest(:numbers::bigint[], :collections::int[], :vectors::text[]::halfvec[]) "
        "on conflict (id) do update set vector = excluded.vector",
        numbers=[row[0] for row in rows],
        collections=[row[1] for row in rows],
        vectors=[write_vector(vector) for vector in vectors],
    )
