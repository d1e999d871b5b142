"""This module counts in Redis how much of the store, and of the time for reading files, each owner uses.

What an owner's conversations and files take is counted for each session, by the scripts that keep it and remove it.
When a session is deleted, its bytes are taken off at once. That a session has expired is found out only when its owner
has no bytes left: then the counted sessions are looked for, and the bytes of those that are gone are taken off. So
nothing has to be counted again with every question.

Visitors with IPv6 addresses are counted by the /48, and have four times as much together as one owner. One customer of
a provider may have a whole /48, and could use up the quota of one /64 after another.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis import Redis

from qa_service.interfaces import Allowance
from qa_service.model import Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import NETWORK_SHARE, quota_key, session_key
from qa_service.stores.space_scripts import CHANGE_SPACE

HOUR = 3600
ALL_BYTES = 1 << 50
"""This is more than any session can have. To take this many bytes off a session leaves it with none."""
LOOKED_FOR = 1000
"""At most this many sessions are looked for at a time. If an owner has more, they are chosen at random each time."""
LIVES = 4
"""The count of an owner's bytes is kept, after the last question, for this many times as long as a session."""


class Quota(Struct, frozen=True):
    """A `Quota` says how much may be used: at most `files` in one session, `bytes` of the store for one owner, and
    `seconds` of reading one owner's files in an hour."""

    files: int
    bytes: int
    seconds: float


class RedisQuotas:
    """`RedisQuotas` implements `Quotas`."""

    def __init__(self, client: Redis, guard: StoreGuard, quota: Quota) -> None:
        self._client = client
        self._guard = guard
        self._quota = quota

    def load_allowance(self, owner: Owner, session_id: str) -> Allowance:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.hlen(session_key(owner, session_id, "files"))
            self.run_count_space(pipeline, owner)
            pipeline.get(quota_key(owner, "reading"))
            files, total, seconds = pipeline.execute()
        return Allowance(
            files=self._quota.files - files,
            bytes=self._bytes_left(owner, total),
            seconds=share_of(owner) * self._quota.seconds - float(seconds or 0),
        )

    def run_count_space(self, client: Redis, owner: Owner) -> Any:
        """Run the command, or add it to `client` where that is a pipeline. `has_room` reads the reply."""
        return client.hget(quota_key(owner, "space"), "total")

    def has_room(self, owner: Owner, total: bytes | None) -> bool:
        """Tell whether more may be kept for the owner. One more trip is made where `total` says no, because sessions
        may have expired."""
        return self._bytes_left(owner, total) > 0

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        with self._guard:
            self._client.eval(scripts.SPEND_SECONDS, 1, quota_key(owner, "reading"), seconds, HOUR)

    def _bytes_left(self, owner: Owner, total: bytes | None) -> int:
        used, most = int(total or 0), share_of(owner) * self._quota.bytes
        return most - (used if used < most else self._without_expired(owner))

    def _without_expired(self, owner: Owner) -> int:
        """Take the bytes of expired sessions off, and return how many bytes the owner then has."""
        key = quota_key(owner, "space")
        with self._guard:
            counted: Any = self._client.hrandfield(key, LOOKED_FOR)
        ids = [field[2:].decode() for field in counted if field != b"total"]
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            for session_id in self._expired(owner, ids):
                queue_space_freed(pipeline, owner, session_id)
            pipeline.hget(key, "total")
            return int(pipeline.execute()[-1] or 0)

    def _expired(self, owner: Owner, session_ids: Sequence[str]) -> list[str]:
        with self._client.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.exists(session_key(owner, session_id, "head"))
            found = pipeline.execute()
        return [session_id for session_id, there in zip(session_ids, found, strict=True) if not there]


def share_of(owner: Owner) -> int:
    """Return how many times a quota this owner has."""
    return NETWORK_SHARE if owner.network else 1


def queue_space_taken(pipeline: Any, owner: Owner, session_id: str, size: int, *, seconds: int) -> None:
    """Add to the pipeline that a session keeps `size` more bytes. `seconds` is how long a session is kept."""
    pipeline.eval(CHANGE_SPACE, 1, quota_key(owner, "space"), session_id, size, LIVES * seconds)


def queue_space_freed(pipeline: Any, owner: Owner, session_id: str, size: int = ALL_BYTES) -> None:
    """Add to the pipeline that a session keeps `size` fewer bytes. By default it then keeps none."""
    pipeline.eval(CHANGE_SPACE, 1, quota_key(owner, "space"), session_id, -size, 0)
