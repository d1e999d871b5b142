"""These tests show what a `Limiter` promises, over every Redis."""

import time

import pytest
from redis import Redis

from qa_service.model import Owner
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import owner_key, rate_keys
from qa_service.stores.limiter import RedisLimiter
from tests.fakes import ANN, BEN


def test_a_burst_comes_through_and_then_one_question_an_interval(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=3, seconds=0.6)
    assert [limiter.take_question(ANN) for _ in range(3)] == [0, 0, 0]
    wait = limiter.take_question(ANN)
    assert 0 < wait <= 0.2
    time.sleep(wait)
    assert limiter.take_question(ANN) == 0
    assert limiter.take_question(ANN) > 0


def test_a_refused_question_costs_nothing(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
    limiter.take_question(ANN)
    first = limiter.take_question(ANN)
    assert limiter.take_question(ANN) <= first <= 60


def test_each_owner_and_each_address_has_its_own(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
    here, there = (Owner("anonymous", "c" * 32, address=address) for address in ("1" * 32, "2" * 32))
    assert [limiter.take_question(owner) for owner in (ANN, BEN, here, there)] == [0, 0, 0, 0]
    assert all(limiter.take_question(owner) > 0 for owner in (ANN, BEN, here, there))


def test_what_it_remembers_ends_with_the_last_interval(client: Redis) -> None:
    RedisLimiter(client, StoreGuard(), questions=2, seconds=60).take_question(ANN)
    assert 29_000 < client.pttl(owner_key(ANN, "rate")) <= 30_002


def test_looking_tells_the_wait_and_takes_nothing(client: Redis) -> None:
    limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
    assert [limiter.seconds_to_wait(ANN) for _ in range(3)] == [0, 0, 0]
    limiter.take_question(ANN)
    assert 59 < limiter.seconds_to_wait(ANN) <= 60
    assert 59 < limiter.take_question(ANN) <= 60


def test_it_goes_by_the_stores_clock(real: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RedisLimiter(real, StoreGuard(), questions=1, seconds=60)
    limiter.take_question(ANN)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert 59 < limiter.take_question(ANN) <= 60


class TestNetworks:
    def visitor(self, address: str, network: str = "n" * 32) -> Owner:
        return Owner("anonymous", "c" * 32, address=address * 32, network=network)

    def test_the_addresses_of_a_network_share_four_times_the_questions_of_one(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=2, seconds=60)
        waits = [limiter.take_question(self.visitor(address)) for address in "00112233"]
        assert waits == [0] * 8
        assert 7 < limiter.take_question(self.visitor("4")) <= 7.5
        assert limiter.take_question(self.visitor("4", network="m" * 32)) == 0

    def test_what_the_network_refuses_costs_the_address_nothing(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
        for address in "0123":
            limiter.take_question(self.visitor(address))
        limiter.take_question(self.visitor("4"))
        assert not client.exists(rate_keys(self.visitor("4"), "rate")[0])

    def test_one_address_is_refused_before_its_network_is(self, client: Redis) -> None:
        limiter = RedisLimiter(client, StoreGuard(), questions=1, seconds=60)
        limiter.take_question(self.visitor("0"))
        assert limiter.take_question(self.visitor("0")) > 59
        assert limiter.take_question(self.visitor("1")) == 0
