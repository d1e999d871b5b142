"""`REDIS_URL`: what it names, and how a wrong one is refused."""

import pytest
import redis

from qa_service.errors import StoreUnavailable
from qa_service.stores.redis_url import redis_pool
from qa_service.stores.sentinel import MasterConnection, MasterSSLConnection


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
    pool = redis_pool("redis://127.0.0.1?socket_timeout=2", max_connections=1, timeout=0.5)
    assert pool.connection_kwargs["socket_timeout"] == 2


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
