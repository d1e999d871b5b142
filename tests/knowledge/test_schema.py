"""The tables: which pgvector they need, which release may use them, and how those of an earlier release are kept."""

from collections.abc import Iterator

import pytest

from qa_service.errors import StoreUnavailable
from qa_service.knowledge.connections import DatabaseConnection
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres, PostgresURL
from qa_service.knowledge.library import DocumentFilter, Library
from qa_service.knowledge.schema import SCHEMA_VERSION, STEPS, create_tables
from tests.knowledge.shelf import ask, put, texts_of


class OldServer:
    """An `OldServer` is a connection to a server whose pgvector has this version; everything else is real."""

    def __init__(self, connection: DatabaseConnection, *, offered: str | None, installed: str | None) -> None:
        self._connection = connection
        self._said = {"pg_available_extensions": offered, "from pg_extension": installed}
        self.is_broken = False

    def run(self, statement: str, **values: object) -> object:
        for asked, version in self._said.items():
            if asked in statement:
                return [[version]] if version else []
        return self._connection.run(statement, **values)


@pytest.mark.parametrize(("offered", "installed"), [("0.5.1", None), ("0.8.0", "0.6.2"), ("0.6.2", "0.6.2")])
def test_an_older_pgvector_is_refused_by_its_version(
    knowledge: Database, knowledge_engine: EmbeddedPostgres, offered: str, installed: str | None
) -> None:
    connection = DatabaseConnection(knowledge_engine.find_server(), 5)
    with pytest.raises(StoreUnavailable, match=f"pgvector {installed or offered} is too old"):
        create_tables(OldServer(connection, offered=offered, installed=installed))
    connection.close()


def test_a_server_without_pgvector_is_refused(knowledge: Database, knowledge_engine: EmbeddedPostgres) -> None:
    connection = DatabaseConnection(knowledge_engine.find_server(), 5)
    with pytest.raises(StoreUnavailable, match="has no pgvector"):
        create_tables(OldServer(connection, offered=None, installed=None))
    connection.close()


def test_tables_of_a_later_release_are_left_alone(knowledge: Database, knowledge_engine: EmbeddedPostgres) -> None:
    with knowledge.transaction() as connection:
        connection.run("update state set value = '99' where name = 'version'")
    try:
        with pytest.raises(StoreUnavailable, match="later release: it has version 99"):
            Database(knowledge_engine).has_tables()
    finally:
        with knowledge.transaction() as connection:
            connection.run("update state set value = :version where name = 'version'", version=str(SCHEMA_VERSION))


@pytest.fixture
def first_release(knowledge_engine: EmbeddedPostgres, knowledge_url: str) -> Iterator[Database]:
    """Give a knowledge base as the first release has left it, with one document that was read, in a database of its
    own."""
    maker = DatabaseConnection(knowledge_engine.find_server(), 20)
    maker.run("create database first_release")
    url = PostgresURL(knowledge_url.replace("/postgres?", "/first_release?"))
    connection = DatabaseConnection(url.find_server(), 20)
    for statement in ("create extension vector", "create schema qa_knowledge", *STEPS[0]):
        connection.run(statement)
    connection.run("insert into state values ('version', '1')")
    connection.run("insert into collection (owner, name) values ('', 'shared')")
    connection.run(
        "insert into document (id, collection, name, status, hash) values (:id, 1, 'old.txt', 'ready', 'x')",
        id="a" * 32,
    )
    connection.close()
    yield (database := Database(url))
    database.close()
    maker.run("drop database first_release with (force)")
    maker.close()


def list_columns(database: Database) -> list[tuple[object, ...]]:
    rows = database.read(
        "select table_name::text, column_name::text, data_type::text from information_schema.columns "
        "where table_schema = 'qa_knowledge' order by 1, 2"
    )
    return [tuple(row) for row in rows]


def test_tables_of_an_earlier_release_are_brought_up_to_date_with_what_is_in_them(
    knowledge: Database, first_release: Database
) -> None:
    (old,), _ = Library(first_release).list_documents(DocumentFilter())
    put(first_release, "new.txt", "a new text")
    assert (old.name, texts_of(ask(first_release, "new text"))) == ("old.txt", ["a new text"])
    assert list_columns(first_release) == list_columns(knowledge)
    assert first_release.read("select value from state where name = 'version'")[0][0] == str(SCHEMA_VERSION)
