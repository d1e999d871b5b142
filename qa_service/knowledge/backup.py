"""This module writes a whole knowledge base into one file, and reads it back into any other.

The file has each table as PostgreSQL's COPY writes it, compressed, so that nothing has to be read, indexed or encoded
again. Any release of PostgreSQL takes it. Between the tables stand lines that say which table follows:

    qa-service knowledge base 1
    table collection id,owner,name,…
    …rows…
    \\.
"""

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from qa_service.errors import Refused
from qa_service.knowledge.connections import SCHEMA, DatabaseConnection, RowsRefused
from qa_service.knowledge.database import Database
from qa_service.knowledge.schema import SCHEMA_VERSION

_TITLE = "qa-service knowledge base"
CUT = "the file is no whole backup of a knowledge base: name one that `qa-service backup` has written to its end"
END = b"\\.\n"


class BackupUnreadable(Refused):
    """The file is no backup of a knowledge base, or it is cut short, or a later release wrote it."""


def save_knowledge(database: Database, path: Path) -> int:
    """Write the knowledge base into a file, as it is at one moment, and return the number of its documents. Others go
    on reading and writing meanwhile. The file has its name when it is whole. Raises `BackupUnreadable` where there can
    be no such file."""
    if path.is_dir():
        raise BackupUnreadable(f"{path} can't be opened: it is a folder")
    database.ensure_tables()
    coming = path.with_name(f"{path.name}.part")
    with _opened(coming, "wb", path) as file, database.lend_for_long() as connection:
        connection.run("begin isolation level repeatable read, read only")
        file.write(f"{_TITLE} {SCHEMA_VERSION}\n".encode())
        for table, columns in _list_tables(connection):
            file.write(f"table {table} {','.join(columns)}\n".encode())
            connection.copy(f"copy {table} ({', '.join(columns)}) to stdout", file)
            file.write(END)
        documents = int(connection.run("select count(*) from document")[0][0])
        connection.run("commit")
    os.replace(coming, path)
    return documents


def load_knowledge(database: Database, path: Path) -> int:
    """Put the knowledge base of a file in place of this one, in one transaction, and return the number of its
    documents. Raises `BackupUnreadable`, and changes nothing then."""
    with _opened(path, "rb", path) as file, _unreadable_where_cut():
        _check_title(file)
        database.ensure_tables()
        with database.lend_for_long() as connection:
            connection.run("begin")
            known = dict(_list_tables(connection))
            connection.run(f"truncate {', '.join(known)} restart identity cascade")
            for table, columns in _read_tables(file, known):
                connection.copy(f"copy {table} ({', '.join(columns)}) from stdin", _rows(file))
            if not connection.run("select from state where name = 'version'"):
                raise EOFError
            _finish(connection)
            connection.run("commit")
            return int(connection.run("select count(*) from document")[0][0])


def _opened(path: Path, mode: str, named: Path) -> IO[bytes]:
    """Open a file of a backup. A refusal calls it by the name that was given to the command."""
    try:
        return cast("IO[bytes]", gzip.GzipFile(path, mode, compresslevel=5))
    except OSError as error:
        raise BackupUnreadable(f"{named} can't be opened: {error.strerror}") from None


@contextmanager
def _unreadable_where_cut() -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, RowsRefused):
        raise BackupUnreadable(CUT) from None


def _list_tables(connection: DatabaseConnection) -> Sequence[tuple[str, Sequence[str]]]:
    """List the tables with their columns. A table comes after those that it refers to, because they were made first."""
    rows = connection.run(
        "select c.relname, array_agg(a.attname::text order by a.attnum) from pg_class c "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        f"where c.relnamespace = '{SCHEMA}'::regnamespace and c.relkind = 'r' group by c.oid, c.relname order by c.oid"
    )
    return [(table, columns) for table, columns in rows]


def _check_title(file: IO[bytes]) -> None:
    title, _, version = file.readline(200).decode().strip().rpartition(" ")
    if title != _TITLE or not version.isdecimal():
        raise BackupUnreadable(
            "the file is no backup of a knowledge base: name one that `qa-service backup` has written"
        )
    if int(version) > SCHEMA_VERSION:
        raise BackupUnreadable(
            f"a later release wrote the backup: it has version {version}, this one knows {SCHEMA_VERSION}"
        )


def _read_tables(file: IO[bytes], known: dict[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Give the table and the columns of each part of the file, which the caller reads to its end."""
    while line := file.readline(10_000):
        word, table, columns = f"{line.decode().strip()}  ".split(" ", 2)
        named = columns.strip().split(",")
        if word != "table" or not set(named) <= set(known.get(table, ())):
            raise BackupUnreadable("the backup has a table or a column that this release doesn't know")
        yield table, named


def _rows(file: IO[bytes]) -> Iterator[bytes]:
    # Inside of a COPY, other errors would be taken for those of the connection.
    with _unreadable_where_cut():
        while (row := file.readline()) != END:
            if not row:
                raise EOFError
            yield row


def _finish(connection: DatabaseConnection) -> None:
    """Let new rows get numbers that no row has, and let indexers begin at once. Indexes of vectors aren't part of a
    backup, so they are built again."""
    for table in ("collection", "passage"):
        connection.run(
            f"select setval(pg_get_serial_sequence('{SCHEMA}.{table}', 'id'), "
            f"(select coalesce(max(id), 0) + 1 from {table}), false)"
        )
    connection.run("update document set lease = '-infinity'")
    connection.run("update collection set is_near = false")
