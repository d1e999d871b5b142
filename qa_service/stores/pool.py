"""The pool of connections to a store, and how long each step of a call may take.

A call waits for a free connection, connects, and waits for the reply, each within its own limit. A command whose
reply doesn't come in time is not sent again. `StoreGuard` builds on this: after one such failure it refuses further
calls for a moment, so that a request pays once, and not once for each of its calls.
"""

import os
from queue import Empty
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

CONNECT_SECONDS = 0.3
RETRY_SECONDS = 0.02
QUEUE_SECONDS = 0.3
"""How long a call waits for a connection when all connections of the pool are in use."""


class StorePool(redis.BlockingConnectionPool):
    """A pool that hands connections out as they were left, which halves what a command costs.

    The pool of redis-py asks each connection first whether it still lives. Here the command itself finds out, and is
    sent again where the connection is dead. An exchange that breaks off closes its connection, so no later command can
    read what was meant for an earlier one.
    """

    def get_connection(self, *_: Any, **__: Any) -> Any:
        if self.pid != os.getpid():
            return super().get_connection()  # type: ignore[no-untyped-call]  # begins anew in a process that was forked
        try:
            connection = self.pool.get(timeout=self.timeout) or self.make_connection()  # type: ignore[no-untyped-call]
        except Empty:
            raise redis.ConnectionError("no connection became free in time") from None
        try:
            connection.connect()
        except BaseException:
            self.release(connection)  # type: ignore[no-untyped-call]
            raise
        return connection


def pool_options(*, max_connections: int, timeout: float, retries: int = 1) -> dict[str, Any]:
    """Arguments for a `StorePool`; `timeout` is how many seconds one reply may take.

    A command is sent again only where its connection turned out to be dead. The server may have carried it out before
    that, so every write must be such that a second time does no harm.
    """
    options = connection_options(connect=CONNECT_SECONDS, reply=timeout, retries=retries)
    return {"max_connections": max_connections, "timeout": QUEUE_SECONDS, **options}


def connection_options(*, connect: float, reply: float, retries: int) -> dict[str, Any]:
    """Arguments for one connection: seconds to connect and for a reply, and how often a dead connection is replaced."""
    return {
        "socket_timeout": reply,
        "socket_connect_timeout": connect,
        "retry": Retry(ConstantBackoff(RETRY_SECONDS), retries, (redis.ConnectionError,)),
        # Both of these would cost round trips at each connect, and the second may raise the limits above.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
