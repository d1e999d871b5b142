"""This module opens the knowledge base's PostgreSQL: connections to read and to write, and transactions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from qa_service.errors import StoreUnavailable
from qa_service.knowledge.connections import ConnectionPool, DatabaseConnection, DatabaseRow
from qa_service.knowledge.engine import Engine
from qa_service.knowledge.schema import create_tables, open_tables

CONNECTIONS = 10
STATEMENT_SECONDS = 20.0
_SEARCH_SECONDS = 2.0
"""A search may take this long, because an answer waits for it."""
LONG_SECONDS = 6 * 3600.0

T = TypeVar("T")


class Database:
    """A `Database` is the knowledge base's PostgreSQL as one process speaks to it. Searches go to the replica, if there
    is one that answers, and everything else to the first server.

    Nothing is started before the first call, and a call that only reads starts nothing where there is nothing to read.
    """

    def __init__(
        self,
        engine: Engine,
        replica: Engine | None = None,
        *,
        connections: int = CONNECTIONS,
        seconds: float = STATEMENT_SECONDS,
    ) -> None:
        self.engine = engine
        self._pool = ConnectionPool(engine, size=connections, seconds=seconds)
        self._searches = [
            ConnectionPool(place, size=connections, seconds=_SEARCH_SECONDS, searches=True)
            for place in (replica, engine)
            if place
        ]
        self._is_made = False

    def has_tables(self) -> bool:
        """Tell whether there is a knowledge base. Where it may be there, its engine is started to find out,
        and the tables of an earlier release are brought up to date."""
        if not self._is_made and self.engine.exists():
            with self._pool.lend() as connection:
                self._is_made = open_tables(connection)
        return self._is_made

    def ensure_tables(self) -> None:
        """Make the knowledge base where there is none yet. Raises `StoreUnavailable` where it can't be."""
        if not self.has_tables():
            with self._pool.lend() as connection:
                create_tables(connection)
            self._is_made = True

    def read(self, statement: str, **values: Any) -> Sequence[DatabaseRow]:
        """Run a statement that changes nothing, and return its rows. There are none where there is no knowledge
        base."""
        if not self.has_tables():
            return ()
        with self._pool.lend() as connection:
            return connection.run(statement, **values)

    def search(self, use: Callable[[DatabaseConnection], T]) -> T:
        """Call `use` with a connection that is good enough for searches, which may lag behind by some moments."""
        *replicas, last = self._searches
        for pool in replicas:
            with suppress(StoreUnavailable), pool.lend() as connection:
                return use(connection)
        with last.lend() as connection:
            return use(connection)

    @contextmanager
    def transaction(self) -> Iterator[DatabaseConnection]:
        """Give a connection whose statements count together, at the end of the context, or not at all. The tables are
        made where there are none."""
        self.ensure_tables()
        with self._pool.lend() as connection:
            connection.run("begin")
            try:
                yield connection
                connection.run("commit")
            except BaseException:
                if not connection.is_broken:
                    connection.run("rollback")
                raise

    @contextmanager
    def lend_for_long(self) -> Iterator[DatabaseConnection]:
        """Give a connection of its own, whose statements may take hours. Each statement counts by itself."""
        connection = DatabaseConnection(self.engine.find_server(), LONG_SECONDS)
        try:
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        for pool in (self._pool, *self._searches):
            pool.close()
