"""This module counts in Redis how much of the store, and of the time for reading files, each owner uses.

The bytes of an owner's text are counted for each session. When a session is deleted, its bytes are taken off at once.
That a session has expired is found out only when its owner has no bytes left: then the counted sessions are looked for,
and the bytes of those that are gone are taken off. So nothing has to be counted again with every question.

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

HOUR = 3600
ALL_BYTES = 1 << 50
"""This is more than any session can have. To take so many bytes off a session leaves it with none."""
LOOKED_FOR = 1000
"""At most so many sessions are looked for at a time. If an owner has more, they are chosen at random each time."""
LIVES = 4
"""The count of an owner's bytes is kept, after the last file, for so many times as long as a session."""


class Quota(Struct, frozen=True):
    """A `Quota` says how much may be used: at most `files` in one session, `bytes` of text kept for one owner, and
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
            pipeline.hget(quota_key(owner, "space"), "total")
            pipeline.get(quota_key(owner, "reading"))
            files, total, seconds = pipeline.execute()
        share = NETWORK_SHARE if owner.network else 1
        used, most = int(total or 0), share * self._quota.bytes
        if used >= most:
            used = self._without_expired(owner)
        return Allowance(
            files=self._quota.files - files,
            bytes=most - used,
            seconds=share * self._quota.seconds - float(seconds or 0),
        )

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        with self._guard:
            self._client.eval(scripts.SPEND_SECONDS, 1, quota_key(owner, "reading"), seconds, HOUR)

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


def queue_space_taken(pipeline: Any, owner: Owner, session_id: str, size: int, *, seconds: int) -> None:
    """Add to the pipeline that a session keeps `size` more bytes of text. `seconds` is how long a session is kept."""
    pipeline.eval(scripts.CHANGE_SPACE, 1, quota_key(owner, "space"), session_id, size, LIVES * seconds)


def queue_space_freed(pipeline: Any, owner: Owner, session_id: str, size: int = ALL_BYTES) -> None:
    """Add to the pipeline that a session keeps `size` fewer bytes of text. By default it then keeps none."""
    pipeline.eval(scripts.CHANGE_SPACE, 1, quota_key(owner, "space"), session_id, -size, 0)


def queue_space_settled(pipeline: Any, owner: Owner, session_id: str) -> None:
    """Add to the pipeline that the bytes which claims have freed are taken off what the session counts for. Its head
    says how many they are. Where another claim was first, nothing is left to be taken off."""
    keys = (session_key(owner, session_id, "head"), quota_key(owner, "space"))
    pipeline.eval(scripts.SETTLE_SPACE, len(keys), *keys, session_id)
