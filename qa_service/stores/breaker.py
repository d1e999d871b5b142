"""What a Redis that is down or hung may cost: limits on every connection, and failing fast after a failure.

A call waits for a free connection, connects and waits for the reply, each within its limit; a reply that
doesn't come in time is not asked for again. After such a failure `StoreGuard` refuses calls for a moment
and then lets a single one through to see. So a request pays once, not once for each of its calls.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import ConstantBackoff
from redis.connection import parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from qa_service.errors import QAError, StoreUnavailable
from qa_service.interfaces import Meter

CONNECT_SECONDS = 0.3
SENTINEL_SECONDS = 0.1
"""How long each of a few sentinels may take to connect and to answer, so that all of them together stay below one."""
FRESH_SECONDS = 1.0
SENTINEL_PORT = 26379
SENTINELS = "+sentinel"
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


class Pool(redis.BlockingConnectionPool):
    """Hands connections out as they were left, which halves what a command costs.

    The base asks each one first whether it still lives. Here the command finds out, and is sent again if it doesn't;
    an exchange that broke off leaves nothing behind to be read by the next, since it closes its connection.
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


class Master:
    """Where a service's master is. Its sentinels are asked again now and then, since one that was replaced may go on
    taking writes, which are lost."""

    def __init__(self, sentinel: Sentinel, service: str, *, fresh: float = FRESH_SECONDS) -> None:
        self._sentinel = sentinel
        self._service = service
        self._fresh = fresh
        self._asked = 0.0
        self._address: tuple[str, int] | None = None

    def known(self) -> tuple[str, int] | None:
        """Its address as it was a moment ago; the last one where no sentinel can tell."""
        if time.monotonic() - self._asked >= self._fresh:
            with suppress(redis.ConnectionError):
                self.found()
        return self._address

    def found(self) -> tuple[str, int]:
        """Its address now. Raises `redis.ConnectionError` where no sentinel knows of one that lives."""
        self._asked = time.monotonic()
        self._address = self._sentinel.discover_master(self._service)  # type: ignore[no-untyped-call]
        return self._address


class MasterConnection(redis.Connection):
    """A connection that looks for the master whenever it is opened, and stays with no other server."""

    def __init__(self, *, master: Master, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._master = master

    def connect(self) -> None:
        if self.is_connected and (self.host, self.port) != self._master.known():
            self.disconnect()  # type: ignore[no-untyped-call]
        super().connect()  # type: ignore[no-untyped-call]

    def connect_check_health(self, *arguments: Any, **options: Any) -> None:
        if not self.is_connected:
            self.host, self.port = self._master.found()
        super().connect_check_health(*arguments, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except redis.ReadOnlyError as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("this server is no master any more") from error


class MasterSSLConnection(MasterConnection, redis.SSLConnection):
    """The same over TLS."""


def limits(*, max_connections: int, timeout: float, retries: int = 1) -> dict[str, Any]:
    """Arguments for a `Pool`; `timeout` is how many seconds one reply may take.

    A command is sent again only where its connection turned out to be dead. It may then have been carried out
    before, so writes must be such that a second time does no harm.
    """
    waiting = _patience(connect=CONNECT_SECONDS, reply=timeout, retries=retries)
    return {"max_connections": max_connections, "timeout": QUEUE_SECONDS, **waiting}


def _patience(*, connect: float, reply: float, retries: int) -> dict[str, Any]:
    return {
        "socket_timeout": reply,
        "socket_connect_timeout": connect,
        "retry": Retry(ConstantBackoff(RETRY_SECONDS), retries, (redis.ConnectionError,)),
        # Both would cost round trips at each connect, and the second may raise the limits above.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def redis_pool(url: str, *, max_connections: int, timeout: float) -> redis.BlockingConnectionPool:
    """Connections to `REDIS_URL`; nothing is connected yet.

    redis://, rediss:// and unix:// name a server. redis+sentinel:// and rediss+sentinel:// name sentinels, behind
    whose commas and first slash come the service and the database: the connections go to its master, also to the
    next one. Options in the URL's query win over ours; `sentinel_username` and `sentinel_password` are for the
    sentinels. Raises `StoreUnavailable` for a URL that can't be one.
    """
    try:
        options = limits(max_connections=max_connections, timeout=timeout)
        options |= _by_sentinels(url) if f"{SENTINELS}://" in url else parse_url(url)  # type: ignore[no-untyped-call]
        pool = Pool(**options)  # type: ignore[no-untyped-call]
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, redis.RedisError):
        # The cause is left out, since it may quote the password.
        raise StoreUnavailable(
            "REDIS_URL: expected redis://, rediss://, unix:// or redis+sentinel:// with options redis-py knows"
        ) from None
    return pool


def _by_sentinels(url: str) -> dict[str, Any]:
    scheme, netloc, path, query, _ = urlsplit(url)
    kind = scheme.removesuffix(SENTINELS)
    credentials, _, hosts = netloc.rpartition("@")
    service, _, database = path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError(path)
    options = parse_url(urlunsplit((kind, f"{credentials}@", database, query, "")))  # type: ignore[no-untyped-call]
    theirs = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    if kind == "rediss":
        theirs |= {"ssl": True, **{name: value for name, value in options.items() if name.startswith("ssl_")}}
    options["connection_class"] = MasterSSLConnection if kind == "rediss" else MasterConnection
    return {**options, "master": Master(_sentinels(hosts, theirs), service)}


def _sentinels(hosts: str, options: dict[str, Any]) -> Sentinel:
    addresses = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(address.hostname for address in addresses):
        raise ValueError(hosts)
    return Sentinel(  # type: ignore[no-untyped-call]
        [(address.hostname, address.port or SENTINEL_PORT) for address in addresses],
        sentinel_kwargs={**_patience(connect=SENTINEL_SECONDS, reply=SENTINEL_SECONDS, retries=0), **options},
    )


class StoreGuard:
    """A context for one exchange with the store, shared by all threads: out come only errors of our tree.

    `StoreUnavailable` where the store is down, hung, loading or refuses; `QAError` where we asked for
    something wrong. Guards of one instance must not be nested. `meter` counts the errors that the store gave
    cause for, not the calls that were refused meanwhile.
    """

    def __init__(
        self, *, pause: float = 1.0, clock: Callable[[], float] = time.monotonic, meter: Meter | None = None
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._meter = meter
        self._lock = threading.Lock()
        self._closed_until: float | None = None

    def __enter__(self) -> None:
        if self._closed_until is None:
            return
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
                self._count("unavailable")
                raise StoreUnavailable("The store does not answer.", retry_after=1) from error
            case redis.RedisError() if _is_refusal(error):
                log.warning("The store refuses: %s", error)
                self._count("refused")
                raise StoreUnavailable("The store refuses for now.", retry_after=1) from error
            case redis.RedisError():
                log.error("The store was asked for something wrong.", exc_info=error)
                self._count("wrong")
                raise QAError("The store was asked for something wrong.") from error

    def _close(self, error: redis.RedisError) -> None:
        if self._closed_until is None:
            log.warning("The store does not answer: %s", str(error))
        self._closed_until = self._clock() + self._pause

    def _count(self, kind: Literal["unavailable", "refused", "wrong"]) -> None:
        if self._meter is not None:
            self._meter.count("store_errors", label=kind)


def _is_refusal(error: redis.RedisError) -> bool:
    return isinstance(error, REFUSALS) or REFUSAL_CODES.search(str(error)) is not None
