"""What a Redis that is down, hung or refusing costs, measured on real servers, and what its errors become."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from qa_service.errors import NotFound, QAError, StoreUnavailable
from qa_service.stores.breaker import MasterConnection, MasterSSLConnection, StoreGuard, redis_pool
from qa_service.stores.embedded import find_server

PORT = 8350
URL = f"redis://127.0.0.1:{PORT}"


class Server:
    """A server of its own on one port, which a test may stop, kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        command = [find_server(), "--port", str(PORT), "--dir", str(self.folder), "--save", ""]
        self.child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with redis.Redis(port=PORT, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 200)) as client:
            client.ping()

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def end(self) -> None:
        self.child.kill()
        self.child.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.end()


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_pool(redis_pool(URL, max_connections=4, timeout=0.6)) as client:
        yield client


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def seconds_of_failing_calls(client: redis.Redis, guard: StoreGuard, calls: int) -> float:
    began = time.monotonic()
    for _ in range(calls):
        with pytest.raises(StoreUnavailable), guard:
            client.get("key")
    return time.monotonic() - began


def ask(client: redis.Redis, command: str, *, pipelined: bool) -> None:
    if pipelined:
        client.pipeline(transaction=False).execute_command(*command.split()).execute()  # type: ignore[no-untyped-call]
    else:
        client.execute_command(*command.split())  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("connected", [True, False])
def test_a_hung_server_costs_a_request_less_than_a_second_over_all_its_calls(
    server: Server, client: redis.Redis, connected: bool
) -> None:
    if connected:
        client.ping()
    server.send(signal.SIGSTOP)
    assert seconds_of_failing_calls(client, StoreGuard(), 10) < 1


def test_a_killed_server_costs_a_request_next_to_nothing(server: Server, client: redis.Redis) -> None:
    client.ping()
    server.end()
    assert seconds_of_failing_calls(client, StoreGuard(), 10) < 0.3


def test_callers_that_wait_for_a_connection_of_a_hung_server_give_up_too(server: Server) -> None:
    server.send(signal.SIGSTOP)
    with redis.Redis.from_pool(redis_pool(URL, max_connections=1, timeout=0.6)) as client:
        guard, costs = StoreGuard(), list[float]()
        callers = [
            threading.Thread(target=lambda: costs.append(seconds_of_failing_calls(client, guard, 2))) for _ in range(5)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert len(costs) == 5
    assert max(costs) < 1


def test_a_connection_that_died_in_the_pool_is_replaced_without_an_error(server: Server, client: redis.Redis) -> None:
    client.ping()
    server.end()
    server.start()
    assert client.ping()


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


def test_after_a_failure_calls_are_refused_until_the_pause_is_over() -> None:
    clock = Clock()
    guard = StoreGuard(pause=1.0, clock=clock)
    with pytest.raises(StoreUnavailable), guard:
        raise redis.ConnectionError
    clock.now += 0.9
    with pytest.raises(StoreUnavailable) as refused, guard:
        pytest.fail("this call should not have been let through")
    assert refused.value.retry_after == 1
    clock.now += 0.1
    with guard:
        pass


def test_after_the_pause_one_caller_tries_and_the_others_still_fail_at_once() -> None:
    clock = Clock()
    guard = StoreGuard(pause=1.0, clock=clock)
    with pytest.raises(StoreUnavailable), guard:
        raise redis.TimeoutError
    clock.now += 1
    guard.__enter__()
    with pytest.raises(StoreUnavailable), guard:
        pytest.fail("only one may try")
    guard.__exit__(None, None, None)
    with guard:
        pass


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    guard = StoreGuard(clock=clock)
    for _ in range(3):
        with pytest.raises(StoreUnavailable), guard:
            raise redis.ConnectionError("refused")
        clock.now += 1
    assert [record.message for record in caplog.records] == ["The store does not answer: refused"]


@pytest.mark.parametrize("error", [redis.BusyLoadingError("loading"), redis.AuthenticationError("wrong password")])
def test_a_store_that_lets_nobody_in_is_unavailable(error: redis.RedisError) -> None:
    with pytest.raises(StoreUnavailable), StoreGuard():
        raise error


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("SET key value", ["CONFIG SET maxmemory 1"]),
        ("SET key value", ["CONFIG SET min-replicas-to-write 1"]),
        ("SET key value", ["REPLICAOF 127.0.0.1 1"]),
        ("GET key", ["REPLICAOF 127.0.0.1 1", "CONFIG SET replica-serve-stale-data no"]),
    ],
)
@pytest.mark.parametrize("pipelined", [False, True])
def test_a_store_that_refuses_is_unavailable_and_is_still_asked(
    client: redis.Redis, command: str, settings: list[str], pipelined: bool
) -> None:
    guard = StoreGuard()
    for setting in settings:
        client.execute_command(*setting.split())  # type: ignore[no-untyped-call]
    with pytest.raises(StoreUnavailable, match="refuses"), guard:
        ask(client, command, pipelined=pipelined)
    with guard:
        client.info()


def test_a_refusal_that_redis_py_has_no_class_for_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable), StoreGuard():
        raise redis.ResponseError("Command # 2 (SET a b) of pipeline caused error: MISCONF Errors writing to the AOF")


def test_asking_for_something_wrong_is_our_bug_and_logged(
    client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.set("word", "MISCONF is only a word here")
    with pytest.raises(QAError) as wrong, StoreGuard():
        client.lpush("word", "MISCONF ")
    assert wrong.value.code == "internal"
    assert isinstance(wrong.value.__cause__, redis.ResponseError)
    assert caplog.records[0].levelno == logging.ERROR
    with pytest.raises(QAError) as unsendable, StoreGuard():
        client.set("key", object())  # type: ignore[arg-type]
    assert unsendable.value.code == "internal"


class Counts:
    """A meter that remembers what it was told."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []

    def count(self, what: str, amount: int = 1, *, label: str = "") -> None:
        self.counted.append((what, label))

    def time(self, what: str, seconds: float) -> None:
        raise AssertionError(what)

    def streams(self, change: int) -> None:
        raise AssertionError(change)


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (redis.ConnectionError("gone"), "unavailable"),
        (redis.TimeoutError("late"), "unavailable"),
        (redis.ReadOnlyError("a replica"), "refused"),
        (redis.ResponseError("WRONGTYPE"), "wrong"),
    ],
)
def test_errors_of_the_store_are_counted_by_kind(error: redis.RedisError, label: str) -> None:
    counts = Counts()
    with pytest.raises(QAError), StoreGuard(meter=counts):
        raise error
    assert counts.counted == [("store_errors", label)]


def test_calls_that_are_refused_meanwhile_are_not_counted() -> None:
    counts = Counts()
    guard = StoreGuard(meter=counts)
    for _ in range(3):
        with pytest.raises(StoreUnavailable), guard:
            raise redis.ConnectionError
    assert len(counts.counted) == 1


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(NotFound), StoreGuard():
        raise NotFound


def test_a_failure_names_no_address(client: redis.Redis, server: Server) -> None:
    server.end()
    with pytest.raises(StoreUnavailable) as failure, StoreGuard():
        client.ping()
    assert "127.0.0.1" not in failure.value.message
    assert str(PORT) not in failure.value.message


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://:secret@cache:7000/3", redis.Connection),
        ("rediss://user:secret@cache", redis.SSLConnection),
        ("unix:///run/redis.sock?db=2", redis.UnixDomainSocketConnection),
        ("redis+sentinel://user:secret@one:26379,two/qa/3", MasterConnection),
        ("rediss+sentinel://[::1]:7000/qa?sentinel_password=secret&ssl_ca_certs=/ca.pem", MasterSSLConnection),
    ],
)
def test_every_kind_of_url_gives_a_pool(url: str, kind: type[redis.Connection]) -> None:
    pool = redis_pool(url, max_connections=7, timeout=0.5)
    assert pool.connection_class is kind
    assert pool.max_connections == 7
    assert pool.connection_kwargs["socket_timeout"] == 0.5


def test_a_sentinels_url_names_the_database_and_who_we_are_there() -> None:
    pool = redis_pool("redis+sentinel://me:p%40ss@one,two:7/qa/3?socket_timeout=2", max_connections=1, timeout=0.5)
    expected = {"username": "me", "password": "p@ss", "db": 3, "socket_timeout": 2}
    assert {name: pool.connection_kwargs[name] for name in expected} == expected


def test_options_in_the_url_win() -> None:
    assert (
        redis_pool(f"{URL}?socket_timeout=2", max_connections=1, timeout=0.5).connection_kwargs["socket_timeout"] == 2
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://:secret@cache",
        "redis://:secret@cache:port",
        "redis://:se/cret@cache",
        "redis://:secret@cache?colour=red",
        "redis+sentinel://:secret@cache",
        "redis+sentinel://:secret@cache/qa/db",
        "redis+sentinel://:secret@cache,/qa/0",
        "redis+sentinel://:secret@cache:port/qa",
        "http+sentinel://:secret@cache/qa",
        "redis+sentinel://:secret@cache/qa?colour=red",
    ],
)
def test_a_url_that_cannot_be_one_is_refused_by_name_and_without_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="REDIS_URL") as refused:
        redis_pool(url, max_connections=1, timeout=0.5)
    assert "cret" not in str(refused.getrepr(style="short"))


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
