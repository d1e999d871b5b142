"""These tests show what is said of a store that can't do, or may not do, what this service needs: on real servers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qa_service.errors import StoreUnavailable
from qa_service.stores import readiness
from qa_service.stores.guard import StoreGuard
from qa_service.stores.readiness import check_store
from qa_service.stores.refusals import refusal_in
from tests.stores.servers import Server


@pytest.fixture
def limited(server: Server) -> Iterator[Redis]:
    """Give a user of the server who may do everything until a test takes something away."""
    allow(server, "on", ">secret", "+@all", "~qa:*")
    with Redis(port=server.port, username="limited", password="secret") as client:
        yield client


def allow(server: Server, *rules: str) -> None:
    server.client.execute_command("ACL", "SETUSER", "limited", *rules)


def missing(client: Redis) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        check_store(client, StoreGuard())
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_store_as_we_need_it_passes_and_keeps_nothing(real: Redis) -> None:
    check_store(real, StoreGuard())
    assert real.keys("*") == []


def test_a_user_without_any_other_keys_passes(limited: Redis) -> None:
    check_store(limited, StoreGuard())


@pytest.mark.parametrize("command", ["xadd", "hrandfield", "zadd", "expire", "unlink", "time"])
def test_a_command_that_the_user_may_not_run_is_named(server: Server, limited: Redis, command: str) -> None:
    allow(server, f"-{command}")
    assert "permission" in missing(limited)
    assert f"({command.upper()}" in missing(limited)


@pytest.mark.parametrize("rule", ["-eval", "-@scripting", "resetkeys", "-@all"])
def test_a_user_who_may_run_no_script_is_told_what_is_needed(server: Server, limited: Redis, rule: str) -> None:
    allow(server, rule)
    assert "scripts" in missing(limited)


def test_the_version_is_told_where_it_may_be_asked_for(server: Server, limited: Redis) -> None:
    allow(server, "-xadd")
    assert "Valkey" in missing(limited)
    allow(server, "-info")
    assert missing(limited).endswith("(XADD)")


def test_a_full_store_is_named_and_passes_again_by_itself(server: Server) -> None:
    server.client.config_set("maxmemory", 1)
    assert "full" in missing(server.client)
    assert "maxmemory" in missing(server.client)
    server.client.config_set("maxmemory", 0)
    check_store(server.client, StoreGuard())


def test_a_replica_is_named(server: Server) -> None:
    server.client.replicaof("127.0.0.1", 1)
    assert "replica" in missing(server.client)


@pytest.mark.parametrize(
    "words",
    [
        "@user_script: 20: Wrong number of args calling Redis command From Lua script",
        "ERR wrong number of arguments for 'expire' command",
        "ERR Unsupported option NX",
        "@user_script: 3: Unknown Redis command called from Lua script",
        "ERR unknown command 'EVAL'",
    ],
)
def test_what_older_servers_say_names_the_version_we_need(words: str) -> None:
    assert "7.0" in refusal_in(words)


def test_an_older_server_that_takes_no_condition_is_named_by_its_version() -> None:
    """Redis 6 knows EXPIRE, but neither NX nor GT."""

    class Old:
        def eval(self, *_: object) -> list[bytes]:
            return [b"EXPIRE NX: @user_script: 20: Wrong number of args calling Redis command From Lua script"]

        def info(self, section: str) -> dict[str, str]:
            return {"redis_version": "6.2.14"}

    with pytest.raises(StoreUnavailable, match=r"Redis 7\.0 .* \(EXPIRE NX, Redis 6\.2\.14\)"):
        check_store(Old(), StoreGuard())


def test_every_command_of_ours_is_tried_out() -> None:
    """These are the commands of the scripts, and those that are sent by themselves. EVAL tries them out; INFO need not
    be allowed."""
    source = "\n".join(path.read_text() for path in Path(readiness.__file__).parent.glob("*.py"))
    called = set(re.findall(r"redis\.call\('([A-Z]+)'", source))
    sent = {method.upper() for method in re.findall(r"\b_?(?:pipeline|client|waiting)\.([a-z]+)\(", source)}
    tried = set(re.findall(r"\{'([A-Z]+)'", readiness.PROBE_SCRIPT))
    assert len(called) > 20
    assert len(sent) > 20
    assert called | sent <= tried | {"EVAL", "INFO", "PIPELINE", "EXECUTE"}
