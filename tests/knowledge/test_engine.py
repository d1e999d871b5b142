"""The private PostgreSQL of a data folder, with real servers that are killed, and those of others by their URL."""

import contextlib
import os
import pwd
import signal
import socket
import struct
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pg8000.native
import pytest

from qa_service.errors import StoreUnavailable
from qa_service.knowledge import connections, engine
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres, Engine, PostgresURL, find_programs, read_database_url
from tests.knowledge.shelf import ask, counts_agree, put, server_of, texts_of
from tests.live.processes import until
from tests.private.ending import has_ended

LINGER = 0.3


@pytest.fixture
def data(quick_folder: Path, request: pytest.FixtureRequest) -> Path:
    """Return a data folder where the server's user can go."""
    quick_folder.chmod(0o711)
    return quick_folder / str(request.node.name)


@contextlib.contextmanager
def opened(data: Path) -> Iterator[Database]:
    """Give a process's use of the private server. In the end its connections and its lock go."""
    server = EmbeddedPostgres(data, linger=LINGER, recovery=60)  # A busy machine may take longer than a request waits.
    database = Database(server)
    yield database
    database.close()
    server.leave_server()


def refuse(code: str) -> bytes:
    """Return what PostgreSQL sends instead of letting somebody in."""
    fields = f"SFATAL\0VFATAL\0C{code}\0Mit is not to be\0\0".encode()
    return b"E" + struct.pack("!i", 4 + len(fields)) + fields


@contextlib.contextmanager
def saying(words: bytes) -> Iterator[int]:
    """Give the port of a server that says this to whoever connects, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(words)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


class TestPrivateServer:
    def test_it_lives_as_long_as_it_is_used_and_keeps_what_it_has(self, data: Path) -> None:
        with opened(data) as database:
            put(database, "a.txt", "kept words")
            folder = Path(database.read("show unix_socket_directories")[0][0])
            assert folder.stat().st_mode & 0o777 == 0o700
            assert database.read("show listen_addresses")[0][0] == ""
        assert has_ended(data / "postgres")
        assert not folder.exists()
        with opened(data) as database:
            # Whoever only reads finds what was there.
            assert texts_of(ask(database, "kept")) == ["kept words"]
            # A server that is killed is back for the next call, with all that was committed.
            killed = server_of(database)
            os.kill(killed, signal.SIGKILL)
            until(lambda: not Path(f"/proc/{killed}").exists(), 10, "the server is dead")
            with contextlib.suppress(StoreUnavailable):
                put(database, "b.txt", "words after the death")
            put(database, "b.txt", "words after the death")
            assert server_of(database) != killed
            assert len(ask(database, "words")) == 2
            assert counts_agree(database)
        assert has_ended(data / "postgres")

    def test_a_death_while_it_is_made_leaves_nothing_in_the_way(self, data: Path) -> None:
        half = data / "postgres" / "made"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        with opened(data) as database:
            put(database, "a.txt", "text")
        assert has_ended(data / "postgres")

    def test_a_stale_process_number_does_not_keep_it_from_starting(self, data: Path) -> None:
        with opened(data) as database:
            put(database, "a.txt", "text")
        assert has_ended(data / "postgres")
        # After a restart of the machine another process may have the number that stands there.
        (data / "postgres" / "db" / "postmaster.pid").write_text(f"{os.getppid()}\n{data}\n1\n5432\n\n\n\n")
        with opened(data) as database:
            assert texts_of(ask(database, "text")) == ["text"]
        assert has_ended(data / "postgres")


class TestEngine:
    """These tests show what every `Engine` promises."""

    @pytest.fixture(params=["private", "elsewhere"])
    def engine(self, request: pytest.FixtureRequest, knowledge_engine: EmbeddedPostgres, knowledge_url: str) -> Engine:
        return knowledge_engine if request.param == "private" else PostgresURL(knowledge_url)

    def test_it_has_something_and_answers(self, engine: Engine) -> None:
        with contextlib.closing(pg8000.native.Connection(**engine.find_server())) as connection:
            assert connection.run("select 1") == [[1]]
        assert engine.exists()


class TestWhereItCanNotRun:
    def test_without_the_wheel_a_sentence_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(StoreUnavailable, match=r"qa-service\[knowledge\].*QA_DATABASE_URL"):
            find_programs()

    def test_a_user_without_a_name_is_told(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(number: int) -> None:
            raise KeyError(number)

        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        monkeypatch.setattr(pwd, "getpwuid", unknown)
        with pytest.raises(StoreUnavailable, match=r"12345, who has no name.*QA_DATABASE_URL"):
            Database(EmbeddedPostgres(data, linger=LINGER)).ensure_tables()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
    def test_root_is_told_where_nobody_else_can_go(self, data: Path) -> None:
        closed = data / "closed"
        closed.mkdir(parents=True, mode=0o700)
        with pytest.raises(StoreUnavailable, match=r"nobody can't enter.*QA_DATABASE_URL"):
            Database(EmbeddedPostgres(closed / "qa", linger=LINGER)).ensure_tables()

    def test_without_pg8000_a_sentence_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> None:
            raise ImportError(name)

        monkeypatch.setattr(connections.importlib, "import_module", missing)
        with pytest.raises(StoreUnavailable, match=r"qa-service\[knowledge\]"):
            Database(PostgresURL("postgresql://qa@127.0.0.1:9/qa")).ensure_tables()


class TestOtherServers:
    def test_a_url_names_what_is_connected_to(self) -> None:
        options = read_database_url("postgresql://me:p%40ss@db.example:6432/site?sslmode=disable")
        assert options == {
            "user": "me",
            "password": "p@ss",
            "host": "db.example",
            "port": 6432,
            "database": "site",
            "ssl_context": False,
        }
        assert read_database_url("postgresql:///site?host=/run/pg")["unix_sock"] == "/run/pg/.s.PGSQL.5432"

    @pytest.mark.parametrize(("mode", "checks_name"), [("verify-full", True), ("verify-ca", False), ("require", False)])
    def test_a_certificate_is_checked_as_asked(self, mode: str, checks_name: bool) -> None:
        context = read_database_url(f"postgresql://db.example/site?sslmode={mode}")["ssl_context"]
        assert context.check_hostname is checks_name

    def test_one_that_is_away_is_reported(self) -> None:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            Database(PostgresURL("postgresql://qa@127.0.0.1:9/qa")).ensure_tables()

    @pytest.mark.parametrize(
        ("said", "options", "sentence"),
        [
            (refuse("28P01"), "", "refuses the user or the password"),
            (refuse("28000"), "", "refuses the user or the password"),
            (refuse("3D000"), "", "has no database of the name"),
            (refuse("53300"), "", "does not answer"),
            (b"N", "?sslmode=require", "No safe connection"),
            (b"Snot tls", "?sslmode=verify-full", "No safe connection"),
            (b"", "?sslmode=verify-full&sslrootcert=/nowhere.pem", "check sslrootcert"),
        ],
    )
    def test_a_refusal_is_said_in_a_sentence_without_the_password(
        self, said: bytes, options: str, sentence: str
    ) -> None:
        with saying(said) as port:
            url = f"postgresql://qa:s3cret@127.0.0.1:{port}/qa{options or '?sslmode=disable'}"
            with pytest.raises(StoreUnavailable, match=sentence) as raised:
                Database(PostgresURL(url)).has_tables()
        assert "s3cret" not in "".join(traceback.format_exception(raised.value))

    def test_searches_go_to_the_replica_while_it_answers(self, knowledge: Database) -> None:
        put(knowledge, "a.txt", "words of the first server")
        away = Database(knowledge.engine, PostgresURL("postgresql://qa@127.0.0.1:9/qa"))
        assert texts_of(ask(away, "words")) == ["words of the first server"]
        with_replica = Database(PostgresURL("postgresql://qa@127.0.0.1:9/qa"), knowledge.engine)
        assert with_replica.search(lambda connection: connection.run("select 1")) == [[1]]
