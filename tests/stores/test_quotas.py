"""These tests show what `Quotas` promises, over every Redis."""

import time
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service.file_news import FileText
from qa_service.interfaces import Allowance
from qa_service.model import Owner, Passage, StoredFile
from qa_service.retrieval.lexical import build_index
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import owner_key, session_key
from qa_service.stores.passages import VECTOR_BYTES
from qa_service.stores.quotas import Quota, RedisQuotas
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import TTL, Stores, claim, converse, stores_of

QUOTA = Quota(files=3, bytes=100, seconds=10)


@pytest.fixture
def quotas(client: Redis) -> RedisQuotas:
    return RedisQuotas(client, StoreGuard(), QUOTA)


def keep_file(stores: Stores, size: int, *, session_id: str = "s", file_id: str = "f1", owner: Owner = ANN) -> None:
    stores.files.add_part(owner, session_id, file_id, FileText(passages=(Passage(file_id, "a.txt", "x" * size),)))
    file = StoredFile(file_id, "a.txt", "text", "used", 1, passages=1, added=time.time(), size=size)
    stores.files.finish_file(owner, session_id, file)


def test_at_first_everything_is_left(quotas: RedisQuotas) -> None:
    assert quotas.load_allowance(ANN, "s") == Allowance(3, 100, 10)


def test_a_sessions_files_count_for_it_alone(stores: Stores, quotas: RedisQuotas) -> None:
    converse(stores)
    for number in range(3):
        keep_file(stores, 1, file_id=f"f{number}")
    assert quotas.load_allowance(ANN, "s").files == 0
    assert quotas.load_allowance(ANN, "s").is_used_up
    assert quotas.load_allowance(ANN, "other").files == 3


@pytest.mark.parametrize("text", ["x", " ".join(f"word{n}" for n in range(60))], ids=["short", "many words"])
def test_a_part_counts_for_about_what_the_store_keeps_of_it(real: Redis, text: str) -> None:
    files = stores_of(real).files
    passages = tuple(Passage("f1", "가" * 200, f"{text}{n}", section="Heading") for n in range(500))
    vectors = {number: bytes(VECTOR_BYTES) for number in range(len(passages))}
    counted = files.add_part(ANN, "s", "f1", FileText(passages, build_index([one.text for one in passages])))
    file = StoredFile("f1", "a.txt", "text", "used", 1, passages=len(passages))
    files.open_index(ANN, "s", [file]).keep_vectors("e", vectors)
    kept: Any = real.memory_usage(session_key(ANN, "s", "file:f1"), samples=0)
    assert 0.8 < counted / kept < 1.3


class TestBytes:
    def test_of_all_sessions_of_an_owner_count_together(self, stores: Stores, quotas: RedisQuotas) -> None:
        for session_id, size in (("s", 30), ("other", 50)):
            converse(stores, session_id=session_id)
            keep_file(stores, size, session_id=session_id)
        assert quotas.load_allowance(ANN, "third").bytes == 20
        assert quotas.load_allowance(BEN, "s").bytes == 100

    def test_of_visitors_count_by_address(self, stores: Stores, quotas: RedisQuotas) -> None:
        here, there = (Owner("anonymous", "c" * 32, address=address * 32) for address in "12")
        converse(stores, owner=here)
        keep_file(stores, 30, owner=here)
        assert quotas.load_allowance(here, "s").bytes == 70
        assert quotas.load_allowance(there, "s").bytes == 100

    def test_of_visitors_of_one_network_count_together_and_are_four_times_as_many(
        self, stores: Stores, quotas: RedisQuotas
    ) -> None:
        here, there = (Owner("anonymous", "c" * 32, address=address * 32, network="3" * 32) for address in "12")
        converse(stores, owner=here)
        keep_file(stores, 390, owner=here)
        quotas.spend_seconds(here, 15)
        assert quotas.load_allowance(there, "s") == Allowance(2, 10, 25)

    def test_of_a_file_finished_twice_count_once(self, stores: Stores, quotas: RedisQuotas) -> None:
        converse(stores)
        for _ in range(2):
            keep_file(stores, 30)
        assert quotas.load_allowance(ANN, "s").bytes == 70

    def test_of_a_file_whose_session_is_gone_do_not_count(self, stores: Stores, quotas: RedisQuotas) -> None:
        keep_file(stores, 30)
        assert quotas.load_allowance(ANN, "s").bytes == 100

    def test_of_a_deleted_file_are_free_again(self, stores: Stores, quotas: RedisQuotas) -> None:
        converse(stores)
        keep_file(stores, 30)
        keep_file(stores, 50, file_id="f2")
        stores.history.delete_file(ANN, "s", "f2")
        assert quotas.load_allowance(ANN, "s").bytes == 70

    def test_of_a_deleted_session_are_free_again(self, stores: Stores, quotas: RedisQuotas) -> None:
        converse(stores)
        keep_file(stores, 30)
        stores.history.delete_session(ANN, "s")
        assert quotas.load_allowance(ANN, "s").bytes == 100

    def test_of_expired_sessions_are_free_again_once_they_are_needed(self, stores: Stores, quotas: RedisQuotas) -> None:
        for session_id in ("s", "total"):
            converse(stores, session_id=session_id)
            keep_file(stores, 60, session_id=session_id)
        assert quotas.load_allowance(ANN, "s").bytes == -20
        stores.client.delete(session_key(ANN, "total", "head"))
        assert quotas.load_allowance(ANN, "s").bytes == 40

    def test_are_counted_for_longer_than_a_session_lives_and_not_for_ever(self, stores: Stores) -> None:
        converse(stores)
        keep_file(stores, 30)
        assert TTL < stores.client.ttl(owner_key(ANN, "space")) <= 4 * TTL

    def test_of_files_of_the_release_before_take_nothing_away(self, stores: Stores, quotas: RedisQuotas) -> None:
        claim(stores.sessions, turn("first"))
        keep_file(stores, 30)
        old = replace(stores.history.find_file(ANN, "s", "f1"), file_id="f2", size=0, v=1)
        stores.files.finish_file(ANN, "s", old)
        stores.history.delete_file(ANN, "s", "f2")
        assert quotas.load_allowance(ANN, "s").bytes == 70


class TestSeconds:
    def test_that_reading_took_are_gone_for_an_hour(self, stores: Stores, quotas: RedisQuotas) -> None:
        quotas.spend_seconds(ANN, 4.5)
        stores.client.expire(owner_key(ANN, "reading"), 1800)
        quotas.spend_seconds(ANN, 2)
        assert quotas.load_allowance(ANN, "s").seconds == 3.5
        assert quotas.load_allowance(BEN, "s").seconds == 10
        assert 1790 < stores.client.ttl(owner_key(ANN, "reading")) <= 1800

    def test_are_used_up_where_none_is_left(self, quotas: RedisQuotas) -> None:
        quotas.spend_seconds(ANN, 10)
        assert quotas.load_allowance(ANN, "s").is_used_up
