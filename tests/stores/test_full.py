"""These tests show what a store that is full still takes, on a real server, and that it goes on once there is room."""

from collections.abc import Iterator

import pytest
from redis import Redis

from qa_service.errors import NotFound, StoreUnavailable
from qa_service.frames import Done, Text
from qa_service.model import Rewind
from qa_service.stores.guard import StoreGuard
from qa_service.stores.quotas import Quota, RedisQuotas
from qa_service.stores.redis_url import redis_pool
from tests.fakes import ANN, turn
from tests.stores.servers import Server
from tests.stores.talking import (
    Stores,
    answered,
    ask_instead,
    claim,
    converse,
    find,
    history_texts,
    keep,
    stores_of,
    write,
)


@pytest.fixture
def stores(server: Server) -> Iterator[Stores]:
    with Redis.from_pool(redis_pool(server.url, max_connections=4, timeout=0.6)) as client:
        yield stores_of(client)


def fill(stores: Stores, *, full: bool = True) -> None:
    stores.client.config_set("maxmemory", int(full))


def test_a_question_is_refused_and_let_in_again_once_there_is_room(stores: Stores) -> None:
    converse(stores)
    fill(stores)
    with pytest.raises(StoreUnavailable, match="full"):
        claim(stores.sessions, turn("next"), expected=1)
    fill(stores, full=False)
    assert not claim(stores.sessions, turn("next"), expected=1).moved


def test_a_question_that_is_refused_removes_no_turn_that_it_would_have_replaced(stores: Stores) -> None:
    converse(stores, 2)
    removal = find(stores, Rewind("s-2"))
    fill(stores)
    with pytest.raises(StoreUnavailable, match="full"):
        ask_instead(stores, turn("next"), removal)
    assert history_texts(stores.history) == ["Answer 2", "Answer 1"]
    fill(stores, full=False)
    assert not ask_instead(stores, turn("next"), removal).moved


def test_an_answer_that_runs_is_saved(stores: Stores) -> None:
    claim(stores.sessions, turn("first"))
    fill(stores)
    assert stores.sessions.save_turn(ANN, answered(turn("first"))) == "saved"
    assert history_texts(stores.history) == ["Because."]


def test_a_log_takes_nothing_until_there_is_room(stores: Stores) -> None:
    claim(stores.sessions, turn("first"))
    fill(stores)
    assert write(stores, Text("Be")) == "refused"
    assert write(stores, Done("completed"), closed=True) == "refused"
    fill(stores, full=False)
    assert write(stores, Text("Be")) == "kept"


def test_a_session_and_a_file_can_be_deleted_and_make_room(stores: Stores) -> None:
    quotas = RedisQuotas(stores.client, StoreGuard(), Quota(files=9, bytes=100_000, seconds=9))
    for session_id in ("s", "other"):
        converse(stores, session_id=session_id)
        keep(stores.files, "One.", session_id=session_id)
    claim(stores.sessions, turn("first"), expected=1)
    fill(stores)
    stores.history.delete_file(ANN, "other", "f1")
    assert stores.history.delete_session(ANN, "s") == ["first"]
    with pytest.raises(NotFound):
        stores.history.load_conversation(ANN, "s", "", 9)
    assert quotas.load_allowance(ANN, "other") == quotas.load_allowance(ANN, "new")
