"""The store behind sentinels that are real, as are its master and its replica: after a failover it answers again."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from redis.sentinel import Sentinel

from qa_service.errors import StoreUnavailable
from qa_service.stores.guard import StoreGuard
from qa_service.stores.pool import StorePool, connection_options, pool_options
from qa_service.stores.redis_url import redis_pool
from qa_service.stores.sentinel import MasterConnection, SentinelMaster
from tests.live.processes import free_port
from tests.stores.servers import Server, until_served

SERVICE = "qa"
PATIENCE = connection_options(connect=0.1, reply=0.1, retries=0)


class Pair:
    """A `Pair` is a master and its replica, which nobody watches."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        self._folder, self._ending = folder, ending
        self.master = self.start("--save", "", "--repl-diskless-sync-delay", "0")
        self.replica = self.start("--save", "", "--replicaof", f"127.0.0.1 {self.master.port}")

    def start(self, *options: str) -> Server:
        server = Server(self._folder, *options)
        self._ending.callback(server.end)
        return server


class Servers(Pair):
    """`Servers` are a master, its replica and the sentinel that watches them."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        super().__init__(folder, ending)
        config = folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.master.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 300\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        self.sentinel = self.start(str(config), "--sentinel")
        until_served(
            lambda: self.replica.client.info("replication")["master_link_status"] == "up", "the replica follows"
        )
        until_served(
            lambda: self.sentinel.client.sentinel_slaves(SERVICE)[0]["info-refresh"] > 0,
            "the sentinel knows it",
        )

    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}/{SERVICE}/2"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as ending:
        yield Servers(tmp_path, ending)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as ending:
        yield Pair(tmp_path, ending)


@pytest.fixture
def client(servers: Servers) -> Iterator[redis.Redis]:
    with redis.Redis.from_pool(redis_pool(servers.url(), max_connections=4, timeout=0.6)) as client:
        yield client


class Sayings(Sentinel):
    """A `Sayings` says that the master is the first of these servers, and from the second time on that it is the
    second."""

    def __init__(self, *servers: Server) -> None:
        super().__init__([])
        self._servers = list(servers)

    def discover_master(self, service_name: str) -> tuple[str, int]:
        server = self._servers.pop(0) if len(self._servers) > 1 else self._servers[0]
        return "127.0.0.1", server.port


def client_of(sentinel: Sentinel, *, fresh: float) -> redis.Redis:
    master = SentinelMaster(sentinel, SERVICE, fresh=fresh)
    options = pool_options(max_connections=2, timeout=0.6)
    return redis.Redis.from_pool(StorePool(connection_class=MasterConnection, master=master, **options))


def written(client: redis.Redis, guard: StoreGuard, costs: list[float]) -> bool:
    """Tell whether the store took a write. Where it didn't, what the refusal cost is noted."""
    began = time.monotonic()
    try:
        with guard:
            return bool(client.set("key", "after"))
    except StoreUnavailable:
        costs.append(time.monotonic() - began)
        return False


def test_connections_go_to_the_master_even_if_the_first_sentinel_is_down(servers: Servers, client: redis.Redis) -> None:
    client.set("key", "value")
    with redis.Redis(port=servers.master.port, db=2) as direct:
        assert direct.get("key") == b"value"


def test_after_the_master_was_killed_the_next_one_answers_and_meanwhile_every_call_is_refused_soon(
    servers: Servers, client: redis.Redis
) -> None:
    guard, costs = StoreGuard(pause=0.2), list[float]()
    assert written(client, guard, costs)
    servers.master.child.kill()
    assert not written(client, guard, costs)
    assert until_served(lambda: written(client, guard, costs), "the next master takes writes") < 10
    assert servers.replica.role() == "master"
    assert max(costs) < 1


def test_after_a_failover_by_hand_writes_reach_the_new_master(servers: Servers, client: redis.Redis) -> None:
    guard, costs = StoreGuard(pause=0.2), list[float]()
    assert written(client, guard, costs)
    servers.sentinel.client.sentinel_failover(SERVICE)
    until_served(lambda: servers.replica.role() == "master", "the replica is the master")
    with redis.Redis(port=servers.replica.port, db=2) as direct:
        direct.flushall()
        assert (
            until_served(lambda: written(client, guard, costs) and direct.get("key"), "writes reach the new master") < 5
        )
    assert max(costs, default=0) < 1


def test_a_write_that_meets_a_demoted_master_is_sent_to_the_next_without_an_error(pair: Pair) -> None:
    with client_of(Sayings(pair.replica, pair.master), fresh=60) as client:
        assert client.set("key", "value")
        assert client.pipeline(transaction=False).set("key", "again").execute() == [True]
    assert pair.master.client.get("key") == b"again"


def test_idle_connections_leave_a_server_that_is_no_master_any_more(pair: Pair) -> None:
    with client_of(Sayings(pair.replica, pair.master), fresh=0) as client:
        assert client.info("replication")["role"] == "slave"
        assert client.info("replication")["role"] == "master"


def test_a_master_that_lives_is_used_while_its_sentinels_do_not_answer(servers: Servers) -> None:
    with client_of(Sentinel([("127.0.0.1", servers.sentinel.port)], sentinel_kwargs=PATIENCE), fresh=0) as client:
        client.ping()
        servers.sentinel.child.kill()
        assert client.set("key", "value")


def test_without_any_sentinel_a_call_is_refused_within_a_second() -> None:
    hosts = ",".join(f"127.0.0.1:{free_port()}" for _ in range(3))
    costs: list[float] = []
    with redis.Redis.from_pool(redis_pool(f"redis+sentinel://{hosts}/qa", max_connections=1, timeout=0.6)) as client:
        assert not written(client, StoreGuard(), costs)
    assert costs[0] < 1


def test_sentinels_that_hang_cost_less_than_a_second() -> None:
    costs: list[float] = []
    with ExitStack() as open_sockets:
        ports = []
        for _ in range(3):
            silent = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(silent.getsockname()[1])
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        url = f"redis+sentinel://{hosts}/qa"
        with redis.Redis.from_pool(redis_pool(url, max_connections=1, timeout=0.6)) as client:
            assert not written(client, StoreGuard(), costs)
    assert costs[0] < 1
