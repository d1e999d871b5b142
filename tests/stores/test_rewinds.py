"""Taking back the last turns of a session, over every Redis."""

import pytest
from msgspec.structs import replace

from qa_service.errors import NotFound
from qa_service.model import Exchange, Question, Rewind, Topic
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import session_key
from qa_service.stores.rewinds import RedisRewinds
from qa_service.turns import Feedback, name_file
from tests.fakes import ANN, turn
from tests.stores.talking import Stores, answered, claim, converse, endless, history_texts, keep

AGAIN = Question("Question 2", ANN, rewind=Rewind("s-2"))
OTHER = Question("Another question", ANN, rewind=Rewind(is_first=True))


@pytest.fixture
def rewinds(stores: Stores) -> RedisRewinds:
    return RedisRewinds(stores.client, StoreGuard(), stores.history)


def test_what_is_replaced_is_seen_by_nobody_any_more(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 3)
    rewinds.rewind_session(AGAIN, "s")
    session = stores.sessions.load_session(ANN, "s")
    assert session
    assert session.context == (Exchange("Question 1", "Answer 1"),)
    assert session.topics == (Topic(1, "Title of s", 1),)
    assert history_texts(stores.history) == ["Answer 1"]
    with pytest.raises(NotFound):
        stores.history.load_turn(ANN, "s-2")
    assert not endless(stores.client)


def test_what_was_thought_of_a_replaced_answer_goes_with_it(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    said = Feedback("down", "", "2026-01-02T03:04:05.678Z")
    stores.feedback.save_feedback(ANN, "s-2", said, listed_in="site")
    rewinds.rewind_session(AGAIN, "s")
    assert stores.client.hlen(session_key(ANN, "s", "answers")) == 1


def test_a_session_goes_on_behind_what_is_left(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    rewinds.rewind_session(AGAIN, "s")
    asked = turn("again", question="Question 2")
    claim(stores.sessions, asked, expected=1)
    stores.sessions.save_turn(ANN, answered(asked, "Another answer"))
    assert history_texts(stores.history) == ["Another answer", "Answer 1"]


def test_a_question_that_replaces_all_is_the_first_of_its_session(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    rewinds.rewind_session(OTHER, "s")
    session = stores.sessions.load_session(ANN, "s")
    assert session
    assert (session.topics, session.context) == ((Topic(1, "", 0),), ())
    claim(stores.sessions, turn("other", question="Another question"), expected=1, topic_title="Another question")
    assert stores.history.load_conversation(ANN, "s", "", 9).topics == (Topic(1, "Another question", 1),)
    assert not endless(stores.client)


def test_a_topic_that_began_with_what_is_replaced_is_gone_and_the_one_before_goes_on(
    stores: Stores, rewinds: RedisRewinds
) -> None:
    converse(stores, 1)
    drifted = turn("drifted", topic=2, question="Question 2")
    claim(stores.sessions, drifted, expected=1, topic_title="Seas")
    stores.sessions.save_turn(ANN, answered(drifted))
    rewinds.rewind_session(replace(AGAIN, rewind=Rewind("drifted")), "s")
    session = stores.sessions.load_session(ANN, "s")
    assert session
    assert (session.topic, session.topics) == (1, (Topic(1, "Title of s", 1),))
    assert session.context == (Exchange("Question 1", "Answer 1"),)


def test_the_files_of_what_is_replaced_go_with_it(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    keep(stores.files, "Stays.", file_id=name_file("s-1", 1))
    keep(stores.files, "Goes.", file_id=name_file("s-2", 1))
    rewinds.rewind_session(AGAIN, "s")
    assert [file.file_id for file in stores.history.list_files(ANN, "s")] == [name_file("s-1", 1)]


def test_the_files_of_an_answer_that_is_replaced_by_its_id_stay(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 3)
    keep(stores.files, "Stays.", file_id=name_file("s-2", 1))
    keep(stores.files, "Goes.", file_id=name_file("s-3", 1))
    rewinds.rewind_session(replace(AGAIN, rewind=Rewind("s-2", is_exact=True)), "s")
    assert history_texts(stores.history) == ["Answer 1"]
    assert [file.file_id for file in stores.history.list_files(ANN, "s")] == [name_file("s-2", 1)]


def test_an_id_that_the_session_doesnt_have_replaces_nothing(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    rewinds.rewind_session(replace(AGAIN, rewind=Rewind("gone", is_exact=True)), "s")
    assert history_texts(stores.history) == ["Answer 2", "Answer 1"]


def test_an_answer_that_is_still_written_can_be_replaced(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 1)
    running = turn("running", question="Question 2")
    claim(stores.sessions, running, expected=1)
    rewinds.rewind_session(replace(AGAIN, rewind=Rewind("running")), "s")
    assert list(claim(stores.sessions, turn("again"), expected=1).replaced) == ["running"]
    assert stores.sessions.save_turn(ANN, answered(running)) == "gone"
    assert [said.answer_id for said in stores.history.load_conversation(ANN, "s", "", 9).turns] == ["again", "s-1"]


def test_two_questions_that_replace_the_same_turns_at_once_remove_them_once(
    stores: Stores, rewinds: RedisRewinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    converse(stores, 3)
    seen_before = stores.history.load_conversation(ANN, "s", "", 9)
    rewinds.rewind_session(AGAIN, "s")
    with monkeypatch.context() as at_once:
        at_once.setattr(stores.history, "load_conversation", lambda *_: seen_before)
        rewinds.rewind_session(AGAIN, "s")
    page = stores.history.load_conversation(ANN, "s", "", 9)
    assert [(topic.turns, len(page.turns)) for topic in page.topics] == [(1, 1)]


def test_nothing_is_removed_for_a_question_that_the_session_is_too_busy_for(
    stores: Stores, rewinds: RedisRewinds
) -> None:
    converse(stores, 2)
    claim(stores.sessions, turn("running"), expected=1)
    rewinds.rewind_session(replace(AGAIN, on_busy="reject"), "s")
    assert len(stores.history.load_conversation(ANN, "s", "", 9).turns) == 3


def test_a_question_that_replaces_nothing_changes_nothing(stores: Stores, rewinds: RedisRewinds) -> None:
    converse(stores, 2)
    before = stores.client.dump("qa:{" + ANN.key + ".s}:head")
    rewinds.rewind_session(replace(AGAIN, rewind=Rewind(kept=("s-1", "s-2"))), "s")
    assert stores.client.dump("qa:{" + ANN.key + ".s}:head") == before


def test_a_session_that_was_deleted_meanwhile_stays_so(stores: Stores, rewinds: RedisRewinds) -> None:
    rewinds.rewind_session(AGAIN, "s")
    assert not list(stores.client.scan_iter("*"))


def test_without_the_question_that_reopened_a_topic_the_one_before_it_goes_on(
    stores: Stores, rewinds: RedisRewinds
) -> None:
    for number, (topic, expected) in enumerate([(1, 0), (2, 1), (1, 2)], 1):
        asked = turn(f"s-{number}", question=f"Question {number}", topic=topic)
        claim(stores.sessions, asked, expected=expected, topic_title="Seas")
        stores.sessions.save_turn(ANN, answered(asked, f"Answer {number}"))
    rewinds.rewind_session(Question("Question 3", ANN, rewind=Rewind("s-3")), "s")
    session = stores.sessions.load_session(ANN, "s")
    assert session
    assert (session.topic, session.context) == (2, (Exchange("Question 2", "Answer 2"),))
    assert session.topics == (Topic(1, "Skies", 1), Topic(2, "Seas", 1))
    assert session.earlier == ()  # what was kept of topic 1 may have been the replaced question
    assert stores.sessions.load_context(ANN, "s", 1).exchanges == (Exchange("Question 1", "Answer 1"),)
