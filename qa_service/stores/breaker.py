"""What a Redis that is down or hung may cost: limits on every connection, and failing fast after a failure.

A call waits for a free connection, connects and waits for the reply, each within its limit; a reply that
doesn't come in time is not asked for again. After such a failure `StoreGuard` refuses calls for a moment
and then lets a single one through to see. So a request pays once, not once for each of its calls.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from qa_service.errors import QAError, StoreUnavailable

CONNECT_SECONDS = 0.3
RETRY_SECONDS = 0.02
QUEUE_SECONDS = 0.3
"""How long a call waits for a connection when all of the pool's are in use."""

REFUSALS = (
    redis.exceptions.OutOfMemoryError,
    redis.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
)
# Codes that redis-py has no class for; in a pipeline the text before them quotes the command.
REFUSAL_CODES = re.compile(r"(?:^|caused error: )(?:MISCONF|NOREPLICAS|BUSY) ")

log = logging.getLogger(__name__)


def limits(*, max_connections: int, timeout: float, retries: int = 1) -> dict[str, Any]:
    """Arguments for a `BlockingConnectionPool`; `timeout` is how many seconds one reply may take.

    A command is sent again only where its connection turned out to be dead. It may then have been carried out
    before, so writes must be such that a second time does no harm.
    """
    return {
        "max_connections": max_connections,
        "timeout": QUEUE_SECONDS,
        "socket_timeout": timeout,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(ConstantBackoff(RETRY_SECONDS), retries, (redis.ConnectionError,)),
        # Both would cost round trips at each connect, and the second may raise the limits above.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def redis_pool(url: str, *, max_connections: int, timeout: float) -> redis.BlockingConnectionPool:
    """Connections to `REDIS_URL` (redis://, rediss:// or unix://); nothing is connected yet.

    Options in the URL's query win over ours. Raises `StoreUnavailable` for a URL that can't be one.
    """
    try:
        pool = redis.BlockingConnectionPool.from_url(url, **limits(max_connections=max_connections, timeout=timeout))
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, redis.RedisError):
        # The cause is left out, since it may quote the password.
        raise StoreUnavailable(
            "REDIS_URL: expected redis://, rediss:// or unix:// with options redis-py knows"
        ) from None
    return pool


class StoreGuard:
    """A context for one exchange with the store, shared by all threads: out come only errors of our tree.

    `StoreUnavailable` where the store is down, hung, loading or refuses; `QAError` where we asked for
    something wrong. Guards of one instance must not be nested.
    """

    def __init__(self, *, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: float | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._closed_until is None:
                return
            now = self._clock()
            if now < self._closed_until:
                raise StoreUnavailable("The store does not answer.", retry_after=1)
            # This one caller tries; the others go on failing until it is through.
            self._closed_until = now + self._pause

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        match error:
            case None:
                self._closed_until = None
            case redis.ConnectionError() | redis.TimeoutError():
                self._close(error)
                raise StoreUnavailable("The store does not answer.", retry_after=1) from error
            case redis.RedisError() if _is_refusal(error):
                log.warning("The store refuses: %s", error)
                raise StoreUnavailable("The store refuses for now.", retry_after=1) from error
            case redis.RedisError():
                log.error("The store was asked for something wrong.", exc_info=error)
                raise QAError("The store was asked for something wrong.") from error

    def _close(self, error: redis.RedisError) -> None:
        if self._closed_until is None:
            log.warning("The store does not answer: %s", str(error))
        self._closed_until = self._clock() + self._pause


def _is_refusal(error: redis.RedisError) -> bool:
    return isinstance(error, REFUSALS) or REFUSAL_CODES.search(str(error)) is not None
