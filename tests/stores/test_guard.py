"""These tests show what errors of a store become on their way out, and what of them is logged."""

import logging
from collections.abc import Iterator
from traceback import format_exception

import pytest
import redis

from qa_service.errors import NotFound, QAError, StoreUnavailable
from qa_service.stores.guard import StoreGuard
from qa_service.stores.redis_url import redis_pool
from tests.fakes import Clock, FakeMeter
from tests.stores.servers import Server

TIMEOUT = 0.6


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_pool(redis_pool(server.url, max_connections=4, timeout=TIMEOUT)) as client:
        yield client


def ask(client: redis.Redis, command: str, *, pipelined: bool) -> None:
    if pipelined:
        client.pipeline(transaction=False).execute_command(*command.split()).execute()
    else:
        client.execute_command(*command.split())


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
    assert [record.message for record in caplog.records] == ["The store does not answer. (refused)"]


@pytest.mark.parametrize("error", [redis.BusyLoadingError("loading"), redis.AuthenticationError("wrong password")])
def test_a_store_that_lets_nobody_in_is_unavailable(error: redis.RedisError) -> None:
    with pytest.raises(StoreUnavailable), StoreGuard():
        raise error


@pytest.mark.parametrize(
    ("command", "settings", "why"),
    [
        ("SET key value", ["CONFIG SET maxmemory 1"], "is full"),
        ("SET key value", ["CONFIG SET min-replicas-to-write 1"], "replicas"),
        ("SET key value", ["REPLICAOF 127.0.0.1 1"], "a replica"),
        ("GET key", ["REPLICAOF 127.0.0.1 1", "CONFIG SET replica-serve-stale-data no"], "master is away"),
        ("GET key", ["ACL SETUSER default -get"], "lacks a permission"),
        ("NONSENSE key", [], "lacks a command"),
        ("EXPIRE key 1 OFTEN", [], "lacks a command"),
    ],
)
@pytest.mark.parametrize("pipelined", [False, True])
def test_a_store_that_refuses_is_unavailable_and_is_still_asked(
    client: redis.Redis, command: str, settings: list[str], why: str, pipelined: bool
) -> None:
    guard = StoreGuard()
    for setting in settings:
        client.execute_command(*setting.split())
    with pytest.raises(StoreUnavailable, match=why), guard:
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
        client.set("key", object())
    assert unsendable.value.code == "internal"


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
    meter = FakeMeter()
    with pytest.raises(QAError), StoreGuard(meter=meter):
        raise error
    assert meter.counts == {f"store_errors {label}": 1}


def test_calls_that_are_refused_meanwhile_are_not_counted() -> None:
    meter = FakeMeter()
    guard = StoreGuard(meter=meter)
    for _ in range(3):
        with pytest.raises(StoreUnavailable), guard:
            raise redis.ConnectionError
    assert meter.counts.total() == 1


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(NotFound), StoreGuard():
        raise NotFound


SECRETS = ("0123456789abcdef", "sk-secret")


def test_no_log_and_no_error_quotes_keys_or_values(client: redis.Redis, caplog: pytest.LogCaptureFixture) -> None:
    key = f"qa:{{{SECRETS[0]}.s}}:head"
    client.set(key, "text")
    pipeline = client.pipeline(transaction=False).hset(key, "title", SECRETS[1])
    for ask_wrong in (
        pipeline.execute,
        lambda: client.hset(key, "title", SECRETS[1]),
        lambda: client.execute_command("NONSENSE", key, SECRETS[1]),
        lambda: client.eval(f"return redis.call('HGET', '{key}', '{SECRETS[1]}')", 0),
        lambda: client.eval(f"return redis.error_reply('WRONGTYPE {key} {SECRETS[1]}')", 0),
    ):
        with pytest.raises(QAError) as failure, StoreGuard():
            ask_wrong()
        shown = caplog.text + "".join(format_exception(failure.value))
        assert not any(secret in shown for secret in SECRETS[:1])


def test_the_same_refusal_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    guard = StoreGuard(clock=clock)
    for _ in range(60 * 16):
        guard.note(redis.ResponseError("OOM command not allowed"))
        with guard:
            pass
        clock.now += 1 / 16  # a step that adds up without an error
    assert len(caplog.records) == 1
    guard.note(redis.ResponseError("OOM command not allowed"))
    guard.note(redis.ReadOnlyError("a replica"))
    assert len(caplog.records) == 3


def test_while_calls_are_refused_they_say_why() -> None:
    guard = StoreGuard()
    with pytest.raises(StoreUnavailable), guard:
        raise redis.AuthenticationError("invalid username-password pair")
    with pytest.raises(StoreUnavailable, match="password of REDIS_URL"), guard:
        pytest.fail("this call should not have been let through")
