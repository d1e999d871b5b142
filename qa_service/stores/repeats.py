"""Idempotency keys in Redis: they find the answer that a repeated question has already.

A key is reserved for some seconds while its answer is let in. The claim then keeps it for as long as repetitions get
the same answer. So a key that will stay for longer than the reservation stands for an answer that has begun.
"""

from typing import Any

from redis import Redis

from qa_service.interfaces import Reserved
from qa_service.model import Owner, Repeat
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, repeat_key

RESERVED_SECONDS = 10
"""How long a key is kept for an answer that hasn't begun yet; its worker may have died."""


class RedisRepeats:
    """A `Repeats`."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def reserve_key(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        reserved = self._reserve(owner, repeat, answer_id)
        if reserved and not repeat.seconds and self._is_over(owner, reserved):
            reserved = self._reserve(owner, repeat, answer_id, stale=reserved)
        # Where a connection broke, the same reservation was sent twice, and the second one finds the first.
        return reserved if reserved and reserved.answer_id != answer_id else None

    def release_key(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
        with self._guard:
            value = _written(Reserved(answer_id, repeat.fingerprint))
            longer = RESERVED_SECONDS if begun else -1
            self._client.eval(scripts.RELEASE, 1, repeat_key(owner, repeat.key), value, longer)

    def _reserve(
        self, owner: Owner, repeat: Repeat, answer_id: str, *, stale: Reserved | None = None
    ) -> Reserved | None:
        value = _written(Reserved(answer_id, repeat.fingerprint))
        arguments = (value, RESERVED_SECONDS, _written(stale) if stale else "")
        with self._guard:
            found: Any = self._client.eval(scripts.RESERVE, 1, repeat_key(owner, repeat.key), *arguments)
        if not found:
            return None
        answer_id, fingerprint = found[0].decode().split(" ", 1)
        return Reserved(answer_id, fingerprint, begun=found[1] > RESERVED_SECONDS)

    def _is_over(self, owner: Owner, reserved: Reserved) -> bool:
        with self._guard:
            return bool(self._client.hexists(answer_key(owner, reserved.answer_id, "at"), "last"))


def _written(reserved: Reserved) -> str:
    return f"{reserved.answer_id} {reserved.fingerprint}"
