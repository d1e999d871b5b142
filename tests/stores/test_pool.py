"""These tests show what a Redis that is down or hung costs, measured on real servers."""

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from qa_service.errors import StoreUnavailable
from qa_service.stores.guard import StoreGuard
from qa_service.stores.redis_url import redis_pool
from tests.lateness import Lateness
from tests.stores.servers import Server

TIMEOUT = 0.3


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_pool(redis_pool(server.url, max_connections=4, timeout=TIMEOUT)) as client:
        yield client


def seconds_of_failing_calls(client: redis.Redis, guard: StoreGuard, calls: int) -> float:
    began = time.monotonic()
    for _ in range(calls):
        with pytest.raises(StoreUnavailable), guard:
            client.get("key")
    return time.monotonic() - began


@pytest.mark.parametrize("connected", [True, False])
def test_a_hung_server_costs_a_request_less_than_a_second_over_all_its_calls(
    server: Server, client: redis.Redis, connected: bool
) -> None:
    if connected:
        client.ping()
    server.send(signal.SIGSTOP)
    late = Lateness()
    assert seconds_of_failing_calls(client, StoreGuard(), 10) < 1 + late.seconds


def test_a_killed_server_costs_a_request_next_to_nothing(server: Server, client: redis.Redis) -> None:
    client.ping()
    server.end()
    late = Lateness()
    assert seconds_of_failing_calls(client, StoreGuard(), 10) < 0.3 + late.seconds


def test_callers_that_wait_for_a_connection_of_a_hung_server_give_up_too(server: Server) -> None:
    server.send(signal.SIGSTOP)
    with redis.Redis.from_pool(redis_pool(server.url, max_connections=1, timeout=TIMEOUT)) as client:
        guard, costs, late = StoreGuard(), list[float](), Lateness()
        callers = [
            threading.Thread(target=lambda: costs.append(seconds_of_failing_calls(client, guard, 2))) for _ in range(5)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert len(costs) == 5
    assert max(costs) < 1 + late.seconds


def test_a_connection_that_died_in_the_pool_is_replaced_without_an_error(server: Server, client: redis.Redis) -> None:
    client.ping()
    server.end()
    server.start()
    assert client.ping()


class Companion:
    """A `Companion` becomes garbage together with its pool, and is finalized first, because it is older. It then looks
    whether the connection is still open."""

    def __init__(self, seen: list[bool]) -> None:
        self.pool: redis.BlockingConnectionPool | None = None
        self.connection: redis.Connection | None = None
        self._seen = seen
        self._self = self

    def __del__(self) -> None:
        assert self.connection
        self._seen.append(self.connection.is_connected)


@pytest.mark.usefixtures("no_collections")
def test_a_pool_that_is_garbage_closes_its_connections_before_python_finalizes_anything(server: Server) -> None:
    """Python would warn of a socket that it finalizes before the connection."""
    seen = list[bool]()
    companion = Companion(seen)
    companion.pool = redis_pool(server.url, max_connections=1, timeout=TIMEOUT)
    companion.connection = companion.pool.get_connection()
    companion.pool.release(companion.connection)
    del companion
    gc.collect()
    assert seen == [False]


def test_a_command_whose_reply_is_late_is_sent_once(server: Server, client: redis.Redis) -> None:
    client.set("count", 0)
    server.send(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable), StoreGuard():
        client.incr("count")
    server.send(signal.SIGCONT)
    assert client.get("count") == b"1"


def test_a_reply_that_comes_late_is_not_taken_for_the_next_ones(server: Server, client: redis.Redis) -> None:
    client.mset({"first": "1", "second": "2"})
    server.send(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable), StoreGuard():
        client.get("first")
    with pytest.raises(StoreUnavailable), StoreGuard():
        client.pipeline(transaction=False).get("first").get("first").execute()
    server.send(signal.SIGCONT)
    assert client.get("second") == b"2"


def test_no_more_connections_are_open_than_allowed(client: redis.Redis) -> None:
    callers = [threading.Thread(target=lambda: client.blpop(["nothing"], timeout=0.1)) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(client.client_list()) <= 4


def test_a_failure_names_no_address(client: redis.Redis, server: Server) -> None:
    server.end()
    with pytest.raises(StoreUnavailable) as failure, StoreGuard():
        client.ping()
    assert "127.0.0.1" not in failure.value.message
    assert str(server.port) not in failure.value.message


def test_a_pool_made_before_a_fork_serves_both_sides(client: redis.Redis) -> None:
    client.set("key", "parent")
    child = os.fork()
    if child == 0:
        os._exit(0 if client.getset("key", "child") == b"parent" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client.get("key") == b"child"


def test_a_pool_that_finds_itself_in_another_process_begins_anew(client: redis.Redis) -> None:
    client.set("key", "value")
    before = client.client_id()
    client.connection_pool.pid = 0
    assert client.get("key") == b"value"
    assert client.client_id() != before
