"""These tests show what a `RedisFeedback` promises, over every Redis."""

import time

import pytest
from msgspec.structs import replace

from qa_service.errors import NotFound
from qa_service.model import Owner
from qa_service.stores.keys import feedback_key, session_key
from qa_service.turns import Feedback
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import TTL, TURNS, Stores, answered, claim, converse, endless

DOWN = Feedback("down", "출처가 틀렸어요.", "2026-01-02T03:04:05.678Z")
UP = Feedback("up", "", "2026-01-03T03:04:05.678Z")


def give(
    stores: Stores, answer_id: str = "s-1", feedback: Feedback = DOWN, owner: Owner = ANN, to: str = "site"
) -> None:
    stores.feedback.save_feedback(owner, answer_id, feedback, listed_in=to)


def listed(stores: Stores, *lists: str) -> list[str]:
    return [said.answer_id for said in stores.feedback.list_feedback(lists or ("site",), "", 99).turns]


class TestKeeping:
    def test_is_read_with_the_answer_and_with_its_conversation(self, stores: Stores) -> None:
        converse(stores, 2)
        give(stores)
        assert stores.history.load_turn(ANN, "s-1").feedback == DOWN
        assert [said.feedback for said in stores.history.load_conversation(ANN, "s", "", 9).turns] == [None, DOWN]

    def test_leaves_the_stored_turn_as_it_is_for_releases_that_know_no_feedback(self, stores: Stores) -> None:
        converse(stores)
        key = session_key(ANN, "s", "answers")
        before = stores.client.hget(key, "s-1")
        give(stores)
        assert stores.client.hget(key, "s-1") == before

    def test_outlives_another_save_of_the_turn(self, stores: Stores) -> None:
        asked = turn("first")
        claim(stores.sessions, asked)
        give(stores, "first")
        stores.sessions.save_turn(ANN, answered(asked))
        said = stores.history.load_turn(ANN, "first")
        assert (said.status, said.feedback) == ("completed", DOWN)

    def test_is_not_written_back_where_a_turn_that_was_read_is_saved(self, stores: Stores) -> None:
        asked = turn("first")
        claim(stores.sessions, asked)
        give(stores, "first")
        stores.sessions.save_turn(ANN, replace(answered(asked), feedback=None))
        give(stores, "first", UP)
        assert stores.history.load_turn(ANN, "first").feedback == UP

    @pytest.mark.parametrize(("answer_id", "owner"), [("unknown", ANN), ("s-1", BEN)])
    def test_of_an_unknown_answer_or_anothers_isnt_kept(self, stores: Stores, answer_id: str, owner: Owner) -> None:
        converse(stores)
        with pytest.raises(NotFound, match="no such answer"):
            give(stores, answer_id, owner=owner)
        assert listed(stores) == []
        assert stores.history.load_turn(ANN, "s-1").feedback is None

    def test_goes_with_its_turn_when_the_session_has_newer_ones(self, stores: Stores) -> None:
        converse(stores)
        give(stores)
        for number in range(2, TURNS + 2):
            claim(stores.sessions, turn(f"s-{number}"), expected=1)
        assert stores.client.hlen(session_key(ANN, "s", "answers")) == TURNS
        assert listed(stores) == []

    def test_goes_with_a_deleted_session(self, stores: Stores) -> None:
        converse(stores)
        give(stores)
        stores.history.delete_session(ANN, "s")
        assert listed(stores) == []
        assert stores.client.zcard(feedback_key("site")) == 0

    def test_goes_with_a_deleted_answer(self, stores: Stores) -> None:
        converse(stores, 2)
        give(stores)
        stores.history.delete_turn(ANN, "s-1")
        assert stores.client.hlen(session_key(ANN, "s", "answers")) == 1
        assert listed(stores) == []

    def test_never_stays_for_ever(self, stores: Stores) -> None:
        converse(stores)
        give(stores)
        assert endless(stores.client) == []
        assert 0 < stores.client.ttl(session_key(ANN, "s", "answers")) <= TTL


class TestListing:
    def test_has_the_newest_first_with_question_answer_and_what_was_said(self, stores: Stores) -> None:
        converse(stores, 2)
        give(stores, "s-2", UP)
        give(stores, "s-1")
        first, second = stores.feedback.list_feedback(["site"], "", 9).turns
        assert (first.question, first.text, first.feedback) == ("Question 1", "Answer 1", DOWN)
        assert second.feedback == UP

    def test_names_an_answer_once_however_often_it_is_judged(self, stores: Stores) -> None:
        converse(stores, 2)
        for answer_id, said in (("s-1", UP), ("s-2", UP), ("s-1", DOWN)):
            give(stores, answer_id, said)
        assert listed(stores) == ["s-1", "s-2"]
        assert stores.history.load_turn(ANN, "s-1").feedback == DOWN

    def test_comes_page_by_page(self, stores: Stores) -> None:
        converse(stores, 3)
        for number in (1, 2, 3):
            give(stores, f"s-{number}")
        first = stores.feedback.list_feedback(["site"], "", 2)
        second = stores.feedback.list_feedback(["site"], first.next or "", 2)
        assert [said.answer_id for said in first.turns] == ["s-3", "s-2"]
        assert ([said.answer_id for said in second.turns], second.next) == (["s-1"], None)

    def test_puts_several_lists_in_one_order_and_leaves_other_lists_out(self, stores: Stores) -> None:
        converse(stores, 2)
        converse(stores, 1, session_id="b", owner=BEN)
        give(stores, "s-1")
        give(stores, "b-1", owner=BEN, to="visitors")
        give(stores, "s-2")
        assert listed(stores, "site", "visitors") == ["s-2", "b-1", "s-1"]
        assert listed(stores, "site") == ["s-2", "s-1"]
        assert listed(stores, "another") == []

    def test_forgets_what_is_older_than_any_session_could_be(self, stores: Stores) -> None:
        converse(stores)
        key = feedback_key("site")
        stores.client.zadd(key, {"long ago": time.time() - 2 * TTL - 1})
        give(stores)
        assert stores.client.zcard(key) == 1

    @pytest.mark.parametrize("member", [b"", b"a b", b"\xff \xff \xff", b"a b c d"])
    def test_passes_over_what_it_cant_read(self, stores: Stores, member: bytes) -> None:
        converse(stores)
        give(stores)
        stores.client.zadd(feedback_key("site"), {member: time.time() + 9})
        assert listed(stores) == ["s-1"]
