"""This module has the rate limit, which says how often an owner may ask. It is counted in Redis over all workers.

Times are those of the store's own clock. A visitor with an IPv6 address is counted twice: by the /64 of the address,
and by the /48 around it. One customer of a provider may have a whole /48, and could ask from one /64 after another.
"""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from qa_service.model import Owner
from qa_service.stores import scripts
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import NETWORK_SHARE, rate_keys


class RedisLimiter:
    """`RedisLimiter` is a `Limiter`. It lets `questions` through at once, and then one every `seconds / questions`
    seconds. Limiters with different names count apart from each other."""

    def __init__(self, client: Redis, guard: StoreGuard, *, questions: int, seconds: float, name: str = "rate") -> None:
        self._client = client
        self._guard = guard
        self._questions = questions
        self._name = name
        self._interval = 1000 * seconds / questions

    def take_question(self, owner: Owner) -> float:
        with self._guard:
            return self.decode_wait(self.run_take_question(self._client, owner, takes=True))

    def seconds_to_wait(self, owner: Owner) -> float:
        with self._guard:
            return self.decode_wait(self.run_take_question(self._client, owner, takes=False))

    def run_take_question(self, client: Redis, owner: Owner, *, takes: bool) -> Any:
        """Run the script, or add it to `client` where that is a pipeline. `decode_wait` reads the reply."""
        keys = rate_keys(owner, self._name)
        return client.eval(scripts.TAKE_QUESTION, len(keys), *keys, int(takes), *self._rates(len(keys)))

    def decode_wait(self, reply: bytes) -> float:
        """Return the seconds to wait, or 0, from the script's reply, which is in milliseconds."""
        return float(reply) / 1000

    def _rates(self, counters: int) -> Iterator[float]:
        for share in (1, NETWORK_SHARE)[:counters]:
            yield self._interval / share
            yield self._questions * share
