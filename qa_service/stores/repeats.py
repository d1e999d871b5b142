"""This module keeps idempotency keys in Redis. With its key a repeated question finds the answer that it has already.

A key is first reserved for some seconds, while it is decided whether its question is answered. The claim then keeps the
key for as long as repetitions get the same answer. So if a key still has more time than a reservation, its answer has
begun.
"""

from typing import Any

from redis import Redis

from qa_service.interfaces import Reserved
from qa_service.model import Owner, Repeat
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, repeat_key

RESERVED_SECONDS = 10
"""A key is kept this long for an answer that hasn't begun. It expires, because the worker that reserved it may have
died."""


class RedisRepeats:
    """`RedisRepeats` implements `Repeats`."""

    def __init__(self, client: Redis, guard: StoreGuard) -> None:
        self._client = client
        self._guard = guard

    def reserve_key(self, owner: Owner, repeat: Repeat, answer_id: str) -> Reserved | None:
        reserved = self._reserve(owner, repeat, answer_id)
        if reserved and not repeat.seconds and self._is_over(owner, reserved):
            reserved = self._reserve(owner, repeat, answer_id, stale=reserved)
        # When a connection breaks, redis-py sends the reservation again, and the second one finds the first. In that
        # case the key was free.
        return reserved if reserved and reserved.answer_id != answer_id else None

    def knows_key(self, owner: Owner, key: str) -> bool:
        with self._guard:
            return bool(self._client.exists(repeat_key(owner, key)))

    def knows_answer(self, owner: Owner, answer_id: str) -> bool:
        with self._guard:
            return bool(self._client.exists(answer_key(owner, answer_id, "at")))

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
