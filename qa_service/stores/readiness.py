"""Whether a store is as this service needs it: it answers, takes writes, and knows and allows every command.

What it can do is tried out, since servers that are compatible name other versions, and managed ones may forbid INFO.
"""

from contextlib import suppress
from typing import Any

import redis
from redis import Redis

from qa_service.errors import StoreUnavailable
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import PROBES
from qa_service.stores.refusals import refusal_in


def check_store(client: Redis, guard: StoreGuard) -> None:
    """Raise `StoreUnavailable` where something is missing, and say in one line what. It takes one round trip
    otherwise."""
    with guard:
        failed: Any = client.eval(scripts.PROBE, len(PROBES), *PROBES)
    if failed:
        command, _, words = failed[0].decode().partition(": ")
        raise StoreUnavailable(f"{refusal_in(words) or 'The store lacks a command.'} ({command}{_version(client)})")


def _version(client: Redis) -> str:
    """The server's name and version for a message, where the server tells it."""
    with suppress(redis.RedisError):
        told: Any = client.info("server")
        name = "valkey" if "valkey_version" in told else "redis"
        return f", {name.capitalize()} {told[f'{name}_version']}"
    return ""
