"""This module has connections to PostgreSQL and a pool of them. They wait as the standard library's sockets do, so that
under gevent other requests go on meanwhile."""

import importlib
import os
import re
import select
import ssl
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

from qa_service.errors import Refused, StoreUnavailable
from qa_service.knowledge.engine import Engine

DatabaseRow: TypeAlias = Sequence[Any]

_CONNECT_SECONDS = 5.0
REPLY_MARGIN = 2.0
"""The server ends a statement by itself when its time is over. A server that says nothing for this many seconds more
has hung."""
_QUEUE_SECONDS = 2.0
"""A call waits this long for a connection when all connections of the pool are in use."""
AWAY = ("08", "25006", "53", "57", "58")
"""An error code of PostgreSQL that begins with one of these says that the server can't do it now: it starts or stops,
is full, has lost its files, takes no writes, or has ended a statement that took too long."""
SILENT = "The knowledge base does not answer."
UNSAFE = "No safe connection to PostgreSQL can be made: check sslmode and sslrootcert of its address."
_REFUSALS = {
    "28": "PostgreSQL refuses the user or the password of QA_DATABASE_URL.",
    "3D": "PostgreSQL has no database of the name that QA_DATABASE_URL says.",
    "42501": "PostgreSQL doesn't let the user of QA_DATABASE_URL do that: let them make the schema, and let "
    "an administrator make the extension `vector`.",
}
"""These are the sentences for what operators can mend, by how PostgreSQL's error code begins."""
_UNKEPT = re.compile("[\0\ud800-\udfff]")
SCHEMA = "qa_knowledge"
SEARCHING = "set hnsw.ef_search = 100; set enable_seqscan = off; set plan_cache_mode = force_custom_plan"
"""With these settings, a question's words are always looked up in their index. PostgreSQL thinks it cheaper to compare
them with those of every passage where many passages have one of them, which takes five times as long."""


class RowsRefused(Refused):
    """PostgreSQL doesn't take these rows, because they don't fit their table."""


class DatabaseConnection:
    """A `DatabaseConnection` is used by one thread at a time. Each statement ends within `seconds`, by
    PostgreSQL's own clock. `gevent.Timeout` must not end one, since the next statement would read its reply.

    In the values of a statement, U+FFFD stands for what PostgreSQL has in no text: NUL, and halves of surrogate pairs.
    So an id with such a character is an id that nothing has."""

    def __init__(self, options: Mapping[str, Any], seconds: float, *, searches: bool = False) -> None:
        self._driver = _load_driver()
        self.is_broken = False
        self._prepared: dict[str, Any] = {}
        with self._own_errors():
            self._raw = self._driver.Connection(**options, timeout=_CONNECT_SECONDS, application_name="qa-service")
            # This is a private attribute, but pg8000 has no other way to let replies take longer than connecting.
            self._raw._usock.settimeout(seconds + REPLY_MARGIN)
            self._raw.execute_simple(
                f"set statement_timeout = {int(seconds * 1000)}; set search_path = {SCHEMA}, public; "
                + (SEARCHING if searches else "")
            )

    def run(self, statement: str, **values: Any) -> Sequence[DatabaseRow]:
        """Run one statement, in which `:names` stand for the values, and return its rows. Raises `StoreUnavailable`
        where the server doesn't answer."""
        with self._own_errors():
            if not values:
                return self._raw.execute_simple(statement).rows or ()
            text, arrange = _parse_statement(statement)
            return self._raw.execute_unnamed(text, arrange(_replace_unkept(values))).rows or ()

    def run_again(self, statement: str, **values: Any) -> Sequence[DatabaseRow]:
        """Run a statement that this connection will run often. PostgreSQL keeps it parsed, so that it takes one trip
        instead of two. Its text has no numbers in it that change, since each text is kept."""
        with self._own_errors():
            prepared = self._prepared.get(statement)
            if prepared is None:
                prepared = self._prepared[statement] = self._raw.prepare(statement)
            return prepared.run(**_replace_unkept(values)) or ()

    def copy(self, statement: str, stream: Any) -> None:
        """Run a COPY that reads from the stream, or writes into it. Raises `RowsRefused`."""
        with self._own_errors():
            try:
                self._raw.execute_unnamed(statement, stream=stream)
            except self._driver.DatabaseError as error:
                if _sql_state(error).startswith(AWAY):
                    raise
                raise RowsRefused("these rows don't fit their table") from error

    def is_open(self) -> bool:
        """Tell whether the server hasn't closed the connection. A connection that waits for nothing has no bytes to
        read."""
        poller = select.poll()
        poller.register(self._raw._usock.fileno(), select.POLLIN)
        return not self.is_broken and not poller.poll(0)

    def close(self) -> None:
        """Close the connection. Nothing is raised where it is closed already."""
        self.is_broken = True
        # Where the server is away, pg8000 gives up before it closes the socket and the file over it.
        for part in (self._raw, self._raw._sock, self._raw._usock):
            with suppress(self._driver.InterfaceError, OSError):
                part.close()

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.DatabaseError as error:
            state = _sql_state(error)
            refusal = next((said for begin, said in _REFUSALS.items() if state.startswith(begin)), "")
            if not refusal and not state.startswith(AWAY):
                raise
            self.is_broken = True
            raise StoreUnavailable(refusal or SILENT, retry_after=1) from error
        except (self._driver.InterfaceError, OSError, EOFError) as error:
            self.is_broken = True
            raise StoreUnavailable(UNSAFE if _is_about_tls(error) else SILENT, retry_after=1) from error
        except BaseException:
            # A reply may be on its way, which the next statement would take for its own.
            self.is_broken = True
            raise


class ConnectionPool:
    """A `ConnectionPool` keeps connections open for the next call, at most `size`. Each process has its own: those of a
    parent are left alone after a fork."""

    def __init__(self, engine: Engine, *, size: int, seconds: float, searches: bool = False) -> None:
        self._engine = engine
        self._seconds = seconds
        self._searches = searches
        self._size = size
        self._start_over()

    @contextmanager
    def lend(self) -> Iterator[DatabaseConnection]:
        """Lend a connection for the context. Raises `StoreUnavailable` where none becomes free, or none can be
        opened."""
        if self._process != os.getpid():
            self._start_over()
        free, idle = self._free, self._idle
        if not free.acquire(timeout=_QUEUE_SECONDS):
            raise StoreUnavailable("The knowledge base is busy.", retry_after=1)
        try:
            connection = self._take(idle)
            try:
                yield connection
            finally:
                if connection.is_broken:
                    connection.close()
                else:
                    idle.append(connection)
        finally:
            free.release()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        _close_all(self._idle)

    def _take(self, idle: "deque[DatabaseConnection]") -> DatabaseConnection:
        while idle:
            with suppress(IndexError):
                connection = idle.pop()
                if connection.is_open():
                    return connection
                connection.close()
        return DatabaseConnection(self._engine.find_server(), self._seconds, searches=self._searches)

    def _start_over(self) -> None:
        self._process = os.getpid()
        self._free = threading.BoundedSemaphore(self._size)
        self._idle: deque[DatabaseConnection] = deque()
        weakref.finalize(self, _close_all, self._idle)


def _close_all(connections: deque[DatabaseConnection]) -> None:
    while connections:
        connections.pop().close()


def _load_driver() -> ModuleType:
    """Load pg8000, which is optional, and whose import takes time that who has no documents needn't spend."""
    try:
        return importlib.import_module("pg8000.native")
    except ImportError:
        raise StoreUnavailable("pg8000 is not installed here: pip install 'qa-service[knowledge]'.") from None


@lru_cache(maxsize=200)
def _parse_statement(statement: str) -> Any:
    """Parse a statement's `:names`. It takes pg8000 a millisecond, since it goes through it sign by sign."""
    return _load_driver().to_statement(statement)


def _replace_unkept(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _keepable(value) for name, value in values.items()}


def _keepable(value: Any) -> Any:
    if isinstance(value, list):
        return [_keepable(one) for one in value] if value and isinstance(value[0], str) else value
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return _UNKEPT.sub("\ufffd", value)


def _sql_state(error: Exception) -> str:
    said = error.args[0] if error.args else {}
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def _is_about_tls(error: Exception) -> bool:
    causes = (error, error.__cause__, error.__context__)
    return "refuses SSL" in str(error) or any(isinstance(cause, ssl.SSLError) for cause in causes)
