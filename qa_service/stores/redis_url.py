"""This module makes the pool that connects to the server, or through the sentinels, of `REDIS_URL`."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.connection import parse_url
from redis.sentinel import Sentinel

from qa_service.errors import StoreUnavailable
from qa_service.stores.pool import StorePool, connection_options, pool_options
from qa_service.stores.sentinel import MasterConnection, MasterSSLConnection, SentinelMaster

SENTINEL_SECONDS = 0.1
"""Each sentinel may take this long to connect and then to answer, so that a few of them together take less than a
second."""
SENTINEL_PORT = 26379
SENTINELS = "+sentinel"


def redis_pool(url: str, *, max_connections: int, timeout: float) -> redis.BlockingConnectionPool:
    """Make a pool of connections to `REDIS_URL`. Nothing is connected yet.

    redis://, rediss:// and unix:// name a server. redis+sentinel:// and rediss+sentinel:// name sentinels, separated by
    commas, and then, after slashes, the service and the database. The connections go to the service's master, and after
    a failover to the next master. Options in the URL's query replace ours. `sentinel_username` and `sentinel_password`
    are for the sentinels. Raises `StoreUnavailable` for a URL that isn't of this form.
    """
    try:
        options = pool_options(max_connections=max_connections, timeout=timeout)
        options |= _sentinel_options(url) if f"{SENTINELS}://" in url else parse_url(url)
        pool = StorePool(**options)
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, redis.RedisError):
        # Our error hides its cause, since the cause may quote the password.
        raise StoreUnavailable(
            "REDIS_URL: expected redis://, rediss://, unix:// or redis+sentinel:// with options redis-py knows"
        ) from None
    return pool


def _sentinel_options(url: str) -> dict[str, Any]:
    scheme, netloc, path, query, _ = urlsplit(url)
    kind = scheme.removesuffix(SENTINELS)
    credentials, _, hosts = netloc.rpartition("@")
    service, _, database = path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError(path)
    options = parse_url(urlunsplit((kind, f"{credentials}@", database, query, "")))
    theirs = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    if kind == "rediss":
        theirs |= {"ssl": True, **{name: value for name, value in options.items() if name.startswith("ssl_")}}
    options["connection_class"] = MasterSSLConnection if kind == "rediss" else MasterConnection
    return {**options, "master": SentinelMaster(_sentinels(hosts, theirs), service)}


def _sentinels(hosts: str, options: dict[str, Any]) -> Sentinel:
    addresses = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(address.hostname for address in addresses):
        raise ValueError(hosts)
    patience = connection_options(connect=SENTINEL_SECONDS, reply=SENTINEL_SECONDS, retries=0)
    return Sentinel(
        [(address.hostname, address.port or SENTINEL_PORT) for address in addresses],
        sentinel_kwargs={**patience, **options},
    )
