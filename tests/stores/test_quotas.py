"""These tests show what `Quotas` promises, over every Redis."""

import time
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service.errors import OverQuota
from qa_service.file_news import FileText
from qa_service.interfaces import Allowance
from qa_service.model import Owner, Passage, Picture, Rewind, StoredFile
from qa_service.retrieval.lexical import build_index
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, owner_key, quota_key, session_key
from qa_service.stores.passages import VECTOR_BYTES
from qa_service.stores.quotas import RedisQuotas, queue_space_freed, queue_space_taken
from qa_service.stores.space_scripts import TURN_BYTES
from qa_service.turns import Feedback, name_file
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import (
    QUOTA,
    TTL,
    TURNS,
    Stores,
    answered,
    ask_instead,
    claim,
    converse,
    find,
    history_texts,
    stores_of,
)


@pytest.fixture
def quotas(client: Redis) -> RedisQuotas:
    return RedisQuotas(client, StoreGuard(), QUOTA)


def keep_file(stores: Stores, size: int, *, session_id: str = "s", file_id: str = "f1", owner: Owner = ANN) -> None:
    stores.files.add_part(owner, session_id, file_id, FileText(passages=(Passage(file_id, "a.txt", "x" * size),)))
    file = StoredFile(file_id, "a.txt", "text", "used", 1, passages=1, added=time.time(), size=size)
    stores.files.finish_file(owner, session_id, file)


def test_at_first_everything_is_left(quotas: RedisQuotas) -> None:
    assert quotas.load_allowance(ANN, "s") == Allowance(3, QUOTA.bytes, 10)


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


def space(stores: Stores, owner: Owner = ANN) -> int:
    return int(stores.client.hget(quota_key(owner, "space"), "total") or 0)


class TestBytes:
    def test_of_all_sessions_of_an_owner_count_together(self, stores: Stores, quotas: RedisQuotas) -> None:
        for session_id, size in (("s", 30), ("other", 50)):
            converse(stores, session_id=session_id)
            before = quotas.load_allowance(ANN, "third").bytes
            keep_file(stores, size, session_id=session_id)
            assert quotas.load_allowance(ANN, "third").bytes == before - size
        assert quotas.load_allowance(BEN, "s").bytes == QUOTA.bytes

    def test_of_visitors_count_by_address(self, stores: Stores, quotas: RedisQuotas) -> None:
        here, there = (Owner("anonymous", "c" * 32, address=address * 32) for address in "12")
        converse(stores, owner=here)
        assert quotas.load_allowance(here, "s").bytes < QUOTA.bytes
        assert quotas.load_allowance(there, "s").bytes == QUOTA.bytes

    def test_of_visitors_of_one_network_count_together_and_are_four_times_as_many(
        self, stores: Stores, quotas: RedisQuotas
    ) -> None:
        here, there = (Owner("anonymous", "c" * 32, address=address * 32, network="3" * 32) for address in "12")
        converse(stores, owner=here)
        quotas.spend_seconds(here, 15)
        assert quotas.load_allowance(there, "s") == Allowance(3, 4 * QUOTA.bytes - space(stores, here), 25)

    def test_of_a_file_finished_twice_count_once(self, stores: Stores) -> None:
        converse(stores)
        before = space(stores)
        for _ in range(2):
            keep_file(stores, 30)
        assert space(stores) == before + 30

    def test_of_a_file_whose_session_is_gone_do_not_count(self, stores: Stores) -> None:
        keep_file(stores, 30)
        assert space(stores) == 0

    def test_of_a_deleted_file_are_free_again(self, stores: Stores) -> None:
        converse(stores)
        keep_file(stores, 30)
        before = space(stores)
        keep_file(stores, 50, file_id="f2")
        stores.history.delete_file(ANN, "s", "f2")
        assert space(stores) == before

    def test_of_a_deleted_session_are_free_again(self, stores: Stores) -> None:
        converse(stores)
        keep_file(stores, 30)
        stores.history.delete_session(ANN, "s")
        assert space(stores) == 0

    def test_of_expired_sessions_are_free_again_once_they_are_needed(self, stores: Stores, quotas: RedisQuotas) -> None:
        for session_id in ("s", "total"):
            converse(stores, session_id=session_id)
            keep_file(stores, QUOTA.bytes // 2, session_id=session_id)
        assert quotas.load_allowance(ANN, "s").bytes < 0
        stores.client.delete(session_key(ANN, "total", "head"))
        assert quotas.load_allowance(ANN, "s").bytes == QUOTA.bytes - space(stores) > 0

    def test_are_counted_for_longer_than_a_session_lives_and_not_for_ever(self, stores: Stores) -> None:
        converse(stores)
        assert TTL < stores.client.ttl(owner_key(ANN, "space")) <= 4 * TTL

    def test_of_files_of_the_release_before_take_nothing_away(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        keep_file(stores, 30)
        before = space(stores)
        old = replace(stores.history.find_file(ANN, "s", "f1"), file_id="f2", size=0, v=1)
        stores.files.finish_file(ANN, "s", old)
        stores.history.delete_file(ANN, "s", "f2")
        assert space(stores) == before


class TestConversations:
    def test_count_for_their_questions_answers_and_earlier_messages(self, stores: Stores) -> None:
        asked = turn("first", question="?" * 3000)
        claim(stores.sessions, asked, seed=(answered(turn("earlier"), "e" * 5000),))
        claimed = space(stores)
        assert 8000 < claimed < 8000 + 2 * TURN_BYTES + 1000
        stores.sessions.save_turn(ANN, answered(asked, "a" * 7000))
        assert 7000 < space(stores) - claimed < 10_000
        assert space(stores, BEN) == 0

    def test_count_once_where_an_answer_is_saved_twice(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.sessions.save_turn(ANN, answered(turn("first")))
        before = space(stores)
        stores.sessions.save_turn(ANN, answered(turn("first")))
        assert space(stores) == before

    def test_count_for_feedback(self, stores: Stores) -> None:
        converse(stores)
        before = space(stores)
        stores.feedback.save_feedback(ANN, "s-1", Feedback("down", "c" * 900, "now"), listed_in="all")
        assert space(stores) > before + 900

    def test_free_what_a_deleted_turn_took(self, stores: Stores) -> None:
        converse(stores, 2)
        before = space(stores)
        stores.history.delete_turn(ANN, "s-2")
        assert space(stores) < before - TURN_BYTES

    def test_free_what_a_replaced_turn_took(self, stores: Stores) -> None:
        asked = turn("first", question="?" * 3000)
        claim(stores.sessions, asked)
        stores.sessions.save_turn(ANN, answered(asked, "a" * 7000))
        ask_instead(stores, turn("again"), find(stores, Rewind("first")))
        assert TURN_BYTES < space(stores) < TURN_BYTES + 1000

    def test_free_what_the_oldest_turns_took(self, stores: Stores) -> None:
        converse(stores, TURNS)
        before = space(stores)
        claim(stores.sessions, turn("next"), expected=1)
        assert space(stores) < before + 100

    def test_of_an_older_release_are_deleted_without_a_count_below_zero(self, stores: Stores) -> None:
        converse(stores, 2)
        converse(stores, session_id="other")
        queue_space_freed(stores.client, ANN, "s")
        before = space(stores)
        stores.history.delete_turn(ANN, "s-1")
        stores.history.delete_session(ANN, "s")
        assert space(stores) == before > 0


class TestRoom:
    def test_is_none_for_an_owner_whose_quota_is_used_up(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first", question="?" * QUOTA.bytes))
        assert not stores.arrivals.receive_question(ANN, "s").has_room
        assert stores.arrivals.receive_question(BEN, "s").has_room

    def test_is_there_again_once_a_conversation_is_deleted_or_has_expired(self, stores: Stores) -> None:
        for session_id, size in (("s", 1), ("other", QUOTA.bytes)):
            claim(stores.sessions, turn(session_id, session_id=session_id, question="?" * size))
        stores.history.delete_session(ANN, "s")
        assert not stores.arrivals.receive_question(ANN, "s").has_room
        stores.client.delete(session_key(ANN, "other", "head"))
        assert stores.arrivals.receive_question(ANN, "s").has_room


class TestClaims:
    def talk(self, stores: Stores, size: int) -> int:
        """Have a conversation whose second question brought a file, and whose second answer has a picture and feedback,
        each of that size. Return by how many bytes that made the conversation grow."""
        converse(stores)
        before, second = space(stores), turn("second")
        claim(stores.sessions, second, expected=1)
        stores.drawings.keep_picture(ANN, "s", "second", 0, Picture("image/png", b"p" * size))
        stores.sessions.save_turn(ANN, answered(second))
        stores.feedback.save_feedback(ANN, "second", Feedback("down", "c" * size, "now"), listed_in="all")
        keep_file(stores, size, file_id=name_file("second", 1))
        return space(stores) - before

    def use_up(self, stores: Stores, beyond: int) -> None:
        """Use the quota up, and this many bytes more."""
        queue_space_taken(stores.client, ANN, "other", QUOTA.bytes + beyond - space(stores), seconds=TTL)

    def test_are_let_in_where_what_they_replace_makes_room(self, stores: Stores) -> None:
        self.talk(stores, 4000)
        self.use_up(stores, 3 * 4000 + TURN_BYTES)
        ask_instead(stores, turn("again"), find(stores, Rewind("s-1")))
        assert space(stores) < QUOTA.bytes

    def test_are_refused_where_what_they_replace_makes_too_little_room(self, stores: Stores) -> None:
        self.use_up(stores, self.talk(stores, 40))
        with pytest.raises(OverQuota):
            ask_instead(stores, turn("again"), find(stores, Rewind("second", is_exact=True)))
        assert history_texts(stores.history) == ["Because.", "Answer 1"]
        assert not stores.client.exists(answer_key(ANN, "again", "log"), answer_key(ANN, "again", "at"))

    def test_at_once_are_let_in_only_while_there_is_room(self, stores: Stores) -> None:
        converse(stores, session_id="before")
        self.use_up(stores, -3 * TURN_BYTES)
        asked = [turn(f"{number}", session_id=f"at once {number}") for number in range(5)]
        arrivals = [stores.arrivals.receive_question(ANN, each.session_id) for each in asked]
        refused = []
        for each in asked:
            try:
                claim(stores.sessions, each)
            except OverQuota:
                refused.append(each.answer_id)
        assert all(arrival.has_room for arrival in arrivals)
        assert refused == ["3", "4"]


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
