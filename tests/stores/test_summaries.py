"""Summaries of topics are kept over every kind of Redis."""

import pytest

from qa_service.frames import Call
from qa_service.interfaces import MadeSummary
from qa_service.model import Exchange, Rewind, Summary, Usage
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import quota_key, session_key
from qa_service.stores.space_scripts import TURN_BYTES
from qa_service.stores.summaries import RedisSummaries
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import TTL, Stores, ask_instead, converse, endless, find

CALL = Call("mini", "summary", Usage(9, 1, 10), 0.5)


@pytest.fixture
def summaries(stores: Stores) -> RedisSummaries:
    converse(stores, 3)
    return RedisSummaries(stores.client, StoreGuard(), seconds=TTL)


def made(*covered: str, text: str = "Before.", before: str = "") -> MadeSummary:
    return MadeSummary(1, text, covered, before, answer_id="s-3", call=CALL)


def loaded(stores: Stores) -> Summary | None:
    session = stores.sessions.load_session(ANN, "s")
    assert session
    return session.summary


def test_it_stands_for_the_turns_up_to_the_last_that_it_covers(stores: Stores, summaries: RedisSummaries) -> None:
    assert loaded(stores) is None
    assert summaries.keep_summary(ANN, "s", made("s-1", "s-2"))
    assert loaded(stores) == Summary("Before.", 2)
    assert not endless(stores.client)
    topic = summaries.load_topic(ANN, "s", 1)
    assert topic
    assert (topic.answer_ids, topic.turns[2]) == (("s-1", "s-2", "s-3"), Exchange("Question 3", "Answer 3"))
    assert topic.before == Summary("Before.", 2)
    assert summaries.keep_summary(ANN, "s", made("s-1", "s-2", "s-3", text="All.", before=topic.stored))
    assert loaded(stores) == Summary("All.", 3)


def test_it_takes_the_place_of_the_one_alone_from_which_it_was_made(stores: Stores, summaries: RedisSummaries) -> None:
    assert summaries.keep_summary(ANN, "s", made("s-1"))
    assert not summaries.keep_summary(ANN, "s", made("s-1", "s-2", text="Late."))
    assert loaded(stores) == Summary("Before.", 1)


def test_a_rewind_removes_it_with_the_turn(stores: Stores, summaries: RedisSummaries) -> None:
    assert summaries.keep_summary(ANN, "s", made("s-1", "s-2"))
    ask_instead(stores, turn("again"), find(stores, Rewind("s-3")))
    assert loaded(stores) is None


def space(stores: Stores) -> int:
    """Return how many bytes are counted as the owner's."""
    return int(stores.client.hget(quota_key(ANN, "space"), "total") or 0)


def test_its_text_and_its_call_count_for_the_quota(stores: Stores, summaries: RedisSummaries) -> None:
    before = space(stores)
    assert summaries.keep_summary(ANN, "s", made("s-1", text="x" * 3000))
    assert 3000 < space(stores) - before < 4000
    assert not endless(stores.client)
    stores.history.delete_turn(ANN, "s-1")
    after = space(stores)
    assert before - TURN_BYTES - 1000 < after < before - TURN_BYTES


@pytest.mark.parametrize("place", ["s-1", "s-3"])
def test_a_rewind_frees_its_room(stores: Stores, summaries: RedisSummaries, place: str) -> None:
    before = space(stores)
    assert summaries.keep_summary(ANN, "s", made("s-1", text="x" * 3000))
    ask_instead(stores, turn("again"), find(stores, Rewind(place, is_exact=True)))
    assert space(stores) < before


def test_it_stands_for_no_turn_that_is_gone(stores: Stores, summaries: RedisSummaries) -> None:
    stores.history.delete_turn(ANN, "s-2")
    assert not summaries.keep_summary(ANN, "s", made("s-1", "s-2"))
    assert loaded(stores) is None


def test_another_owner_has_no_such_topic_and_changes_nothing(stores: Stores, summaries: RedisSummaries) -> None:
    assert summaries.load_topic(BEN, "s", 1) is None
    assert summaries.load_topic(ANN, "s", 2) is None
    assert not summaries.keep_summary(BEN, "s", made("s-1"))
    assert not stores.client.exists(session_key(BEN, "s", "head"), session_key(BEN, "s", "answers"))
