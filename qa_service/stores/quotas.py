"""How much of the store and of the readers an owner may use, counted in Redis.

An owner's bytes are counted by session. A session that is deleted is taken off at once. One that expires is noticed
when its owner has nothing left: then the sessions that are counted are looked for, and those that are gone are taken
off. So nothing has to be counted anew with every question.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis import Redis

from qa_service.interfaces import Allowance
from qa_service.model import Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import owner_key, session_key

HOUR = 3600
ALL_BYTES = 1 << 50
"""This is more than any session holds. So a session that keeps so much less keeps nothing."""
LOOKED_FOR = 1000
"""So many sessions are looked for at a time. Of a longer list a random part is looked for each time."""
LIVES = 4
"""After the last file the count of an owner's bytes is kept for so many lives of a session."""


class Quota(Struct, frozen=True):
    """The most that one owner may use, and the most files of one session. `seconds` of reading count by the hour."""

    files: int
    bytes: int
    seconds: float


class RedisQuotas:
    """A `Quotas`."""

    def __init__(self, client: Redis, guard: StoreGuard, quota: Quota) -> None:
        self._client = client
        self._guard = guard
        self._quota = quota

    def load_allowance(self, owner: Owner, session_id: str) -> Allowance:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            pipeline.hlen(session_key(owner, session_id, "files"))
            pipeline.hget(owner_key(owner, "space"), "total")
            pipeline.get(owner_key(owner, "reading"))
            files, total, seconds = pipeline.execute()
        used = int(total or 0)
        if used >= self._quota.bytes:
            used = self._without_expired(owner)
        return Allowance(
            files=self._quota.files - files,
            bytes=self._quota.bytes - used,
            seconds=self._quota.seconds - float(seconds or 0),
        )

    def spend_seconds(self, owner: Owner, seconds: float) -> None:
        with self._guard:
            self._client.eval(scripts.SPEND_SECONDS, 1, owner_key(owner, "reading"), seconds, HOUR)

    def _without_expired(self, owner: Owner) -> int:
        """The owner's bytes, once the sessions that have expired are taken off."""
        key = owner_key(owner, "space")
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
    """Put into the pipeline that a session keeps so many bytes of text more. The count is kept for `seconds` more."""
    pipeline.eval(scripts.CHANGE_SPACE, 1, owner_key(owner, "space"), session_id, size, LIVES * seconds)


def queue_space_freed(pipeline: Any, owner: Owner, session_id: str, size: int = ALL_BYTES) -> None:
    """Put into the pipeline that a session keeps so many bytes of text less; by default nothing any more."""
    pipeline.eval(scripts.CHANGE_SPACE, 1, owner_key(owner, "space"), session_id, -size, 0)
