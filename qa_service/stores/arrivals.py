"""This module makes the first trip to the store for every question: the rate limit counts it, its session is read, and
its owner's quota is looked at."""

from redis import Redis

from qa_service.interfaces import Arrival
from qa_service.model import Owner
from qa_service.stores.guard import StoreGuard
from qa_service.stores.limiter import RedisLimiter
from qa_service.stores.quotas import RedisQuotas
from qa_service.stores.sessions import RedisSessions


class RedisArrivals:
    """`RedisArrivals` implements `Arrivals` with one pipeline."""

    def __init__(
        self, client: Redis, guard: StoreGuard, limiter: RedisLimiter, sessions: RedisSessions, quotas: RedisQuotas
    ) -> None:
        self._client = client
        self._guard = guard
        self._limiter = limiter
        self._sessions = sessions
        self._quotas = quotas

    def receive_question(self, owner: Owner, session_id: str) -> Arrival:
        with self._guard, self._client.pipeline(transaction=False) as pipeline:
            self._limiter.run_take_question(pipeline, owner, takes=True)
            self._sessions.run_load_session(pipeline, owner, session_id)
            self._quotas.run_count_space(pipeline, owner)
            wait, found, used = pipeline.execute()
        return Arrival(
            self._limiter.decode_wait(wait),
            self._sessions.decode_session(session_id, found),
            self._quotas.has_room(owner, used),
        )
