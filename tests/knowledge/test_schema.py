"""The tables: which pgvector they need, and which release may use them."""

import pytest

from qa_service.errors import StoreUnavailable
from qa_service.knowledge.connections import DatabaseConnection
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres
from qa_service.knowledge.schema import create_tables


class OldServer:
    """A connection to a server whose pgvector has this version; everything else is real."""

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
    connection = DatabaseConnection(knowledge_engine.start(), 5)
    with pytest.raises(StoreUnavailable, match=f"pgvector {installed or offered} is too old"):
        create_tables(OldServer(connection, offered=offered, installed=installed))  # type: ignore[arg-type]
    connection.close()


def test_a_server_without_pgvector_is_refused(knowledge: Database, knowledge_engine: EmbeddedPostgres) -> None:
    connection = DatabaseConnection(knowledge_engine.start(), 5)
    with pytest.raises(StoreUnavailable, match="has no pgvector"):
        create_tables(OldServer(connection, offered=None, installed=None))  # type: ignore[arg-type]
    connection.close()


def test_tables_of_a_later_release_are_left_alone(knowledge: Database, knowledge_engine: EmbeddedPostgres) -> None:
    with knowledge.transaction() as connection:
        connection.run("update state set value = '99' where name = 'version'")
    try:
        with pytest.raises(StoreUnavailable, match="later release: it has version 99"):
            Database(knowledge_engine).has_tables()
    finally:
        with knowledge.transaction() as connection:
            connection.run("update state set value = '1' where name = 'version'")
