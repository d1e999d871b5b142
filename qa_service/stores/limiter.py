"""The rate limit: how often an owner may ask, counted in Redis over all workers, by the store's own clock.

A visitor is counted twice: by address, which for IPv6 is a /64, and by the wider /48, which one customer of a
provider may hold whole and so could walk through address by address.
"""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from qa_service.model import Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import rate_keys

NETWORK_SHARE = 4
"""All addresses of a network together may ask so many times as much as one address."""


class RedisLimiter:
    """A `Limiter` that lets a burst of questions through, and then one question an interval."""

    def __init__(self, client: Redis, guard: StoreGuard, *, questions: int, seconds: float) -> None:
        self._client = client
        self._guard = guard
        self._questions = questions
        self._interval = 1000 * seconds / questions

    def take_question(self, owner: Owner) -> float:
        with self._guard:
            return self.decode_wait(self.run_take_question(self._client, owner, takes=True))

    def seconds_to_wait(self, owner: Owner) -> float:
        with self._guard:
            return self.decode_wait(self.run_take_question(self._client, owner, takes=False))

    def run_take_question(self, client: Redis, owner: Owner, *, takes: bool) -> Any:
        """Run the script, or add it to `client` where that is a pipeline. `decode_wait` reads the reply."""
        keys = rate_keys(owner)
        return client.eval(scripts.TAKE_QUESTION, len(keys), *keys, int(takes), *self._rates(len(keys)))

    def decode_wait(self, reply: bytes) -> float:
        """Read the script's reply, which is in milliseconds: the seconds to wait, or 0."""
        return float(reply) / 1000

    def _rates(self, counters: int) -> Iterator[float]:
        for share in (1, NETWORK_SHARE)[:counters]:
            yield self._interval / share
            yield self._questions * share
