"""What a `Limiter` promises, over every Redis."""

import time

from redis import Redis

from qa_service.model import Owner
from qa_service.stores.breaker import StoreGuard
from qa_service.stores.keys import owner_key
from qa_service.stores.sessions import RedisLimiter
from tests.fakes import ANN, BEN


def test_a_burst_comes_through_and_then_one_question_an_interval(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=3, seconds=1.5)
    assert [limiter.take(ANN) for _ in range(3)] == [0, 0, 0]
    wait = limiter.take(ANN)
    assert 0 < wait <= 0.5
    time.sleep(wait)
    assert limiter.take(ANN) == 0
    assert limiter.take(ANN) > 0


def test_a_refused_question_costs_nothing(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
    limiter.take(ANN)
    first = limiter.take(ANN)
    assert limiter.take(ANN) <= first <= 60


def test_each_owner_and_each_address_has_its_own(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
    here, there = (Owner("anonymous", "c" * 32, address=address) for address in ("1" * 32, "2" * 32))
    assert [limiter.take(owner) for owner in (ANN, BEN, here, there)] == [0, 0, 0, 0]
    assert all(limiter.take(owner) > 0 for owner in (ANN, BEN, here, there))


def test_what_it_remembers_ends_with_the_last_interval(client: Redis) -> None:
    RedisLimiter(client, StoreGuard(), questions=2, seconds=60).take(ANN)
    assert 29_000 < client.pttl(owner_key(ANN, "rate")) <= 30_002
