"""This module checks that a store answers, takes writes, and knows and allows every command that this service needs.

The commands are tried out. The version of a server wouldn't tell enough, since compatible servers have other version
numbers, and managed servers may forbid INFO.
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
    """Raise `StoreUnavailable`, which names what is missing, where the store isn't as needed. Where it is, this takes
    one round trip."""
    with guard:
        failed: Any = client.eval(scripts.PROBE, len(PROBES), *PROBES)
    if failed:
        command, _, words = failed[0].decode().partition(": ")
        raise StoreUnavailable(f"{refusal_in(words) or 'The store lacks a command.'} ({command}{_version(client)})")


def _version(client: Redis) -> str:
    """Return the server's name and version for a message. It is empty where the server doesn't tell it."""
    with suppress(redis.RedisError):
        told: Any = client.info("server")
        name = "valkey" if "valkey_version" in told else "redis"
        return f", {name.capitalize()} {told[f'{name}_version']}"
    return ""
