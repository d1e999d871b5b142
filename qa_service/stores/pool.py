"""This module has the pool of connections to a store, and says how long each step of a call may take.

A call waits for a free connection, connects, and waits for the reply, and each step has a time limit of its own. A
command whose reply doesn't come in time is not sent again. After one such failure `StoreGuard` refuses further calls
for a moment. So a request waits for a dead store only once, and not in each of its calls.
"""

import os
import weakref
from collections.abc import Iterable
from queue import Empty
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

_CONNECT_SECONDS = 0.3
_RETRY_SECONDS = 0.02
_QUEUE_SECONDS = 0.3
"""A call waits this long for a connection when all connections of the pool are in use."""


class StorePool(redis.BlockingConnectionPool):
    """A `StorePool` hands out a connection without checking it, which halves what a command costs.

    The pool of redis-py checks first whether a connection is still open. Here the command itself finds out, and is sent
    again where its connection was closed. Where an exchange breaks off, its connection is closed, so that no later
    command can read the reply of an earlier one.

    A pool that nobody refers to any more closes its connections.
    """

    _closing: "weakref.finalize[..., Any] | None" = None

    def reset(self) -> None:
        """Forget all connections. redis-py calls this when the pool is made, and after a fork."""
        super().reset()
        if self._closing:
            self._closing.detach()
        # Python finalizes the parts of garbage in any order, and warns of a socket that is finalized before its
        # connection. So the connections are closed before any part is finalized.
        self._closing = weakref.finalize(self, _disconnect, self._connections)
        self._closing.atexit = False  # Threads that still run at the end of the process may use the connections.

    def get_connection(self, *_: Any, **__: Any) -> Any:
        if self.pid != os.getpid():
            return super().get_connection()  # It makes new connections after a fork.
        try:
            connection = self.pool.get(timeout=self.timeout) or self.make_connection()
        except Empty:
            raise redis.ConnectionError("no connection became free in time") from None
        try:
            connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection


def pool_options(*, max_connections: int, timeout: float, retries: int = 1) -> dict[str, Any]:
    """Make the arguments for a `StorePool`. One reply may take `timeout` seconds.

    A command is sent again, at most `retries` times, only where its connection turns out to be closed. The server may
    have carried the command out before, so every write must do no harm when it is carried out twice.
    """
    options = connection_options(connect=_CONNECT_SECONDS, reply=timeout, retries=retries)
    return {"max_connections": max_connections, "timeout": _QUEUE_SECONDS, **options}


def connection_options(*, connect: float, reply: float, retries: int) -> dict[str, Any]:
    """Make the arguments for one connection. `connect` and `reply` are the seconds that connecting and one reply may
    take, and `retries` says how often a closed connection is replaced."""
    return {
        "socket_timeout": reply,
        "socket_connect_timeout": connect,
        "retry": Retry(ConstantBackoff(_RETRY_SECONDS), retries, (redis.ConnectionError,)),
        # Both features would cost round trips at each connect, and the second one may raise the time limits above.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _disconnect(connections: Iterable[redis.Connection]) -> None:
    for connection in connections:
        connection.disconnect()
