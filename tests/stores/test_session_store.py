"""These tests show what every `SessionStore` promises, over every Redis."""

import threading

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from qa_service.errors import Busy, NotFound, StoreUnavailable
from qa_service.frames import Done, Text
from qa_service.interfaces import HeldAnswer
from qa_service.model import Exchange, Meaning, Owner, Picture, Session, Topic
from qa_service.single_use import make_single_use_id
from qa_service.stores.guard import StoreGuard
from qa_service.stores.keys import answer_key, owner_key, session_key
from qa_service.stores.redis_url import redis_pool
from qa_service.stores.sessions import Kept, RedisSessions
from tests.fakes import ANN, BEN, admission, turn
from tests.stores.talking import (
    ANSWER_SECONDS,
    OPEN,
    QUOTA,
    TTL,
    TURNS,
    Stores,
    answered,
    claim,
    converse,
    endless,
    frames,
    held,
    history_texts,
    keep,
    start_of,
    stores_of,
    write,
)

PNG = Picture("image/png", b"\x89PNG")
SESSION_KEYS = ("head", "turns", "answers", "context", "files", "file:f1", "images")


class TestLoading:
    def test_an_unknown_session_is_none(self, stores: Stores) -> None:
        assert stores.sessions.load_session(ANN, "s") is None

    def test_another_owner_sees_nothing(self, stores: Stores) -> None:
        converse(stores)
        assert stores.sessions.load_session(BEN, "s") is None

    def test_two_owners_may_use_the_same_id(self, stores: Stores) -> None:
        converse(stores, 2)
        converse(stores, 1, owner=BEN)
        session = stores.sessions.load_session(BEN, "s")
        assert session
        assert session.context == (Exchange("Question 1", "Answer 1"),)

    def test_it_holds_the_exchanges_of_its_topic_oldest_first(self, stores: Stores) -> None:
        converse(stores, 2)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.context == (Exchange("Question 1", "Answer 1"), Exchange("Question 2", "Answer 2"))
        assert session.topics == (Topic(1, "Title of s", 2),)

    def test_only_the_exchanges_that_a_question_is_compared_with_bring_their_meaning(self, client: Redis) -> None:
        stores = stores_of(client, turns=20)
        for number in range(1, 11):
            asked = turn(f"{number}", question='"text":"","status":"failed"')
            claim(stores.sessions, asked, expected=int(number > 1))
            finished = replace(answered(asked, f'A "{number}",'), meaning=Meaning("words/1", b"\x00\x3c"))
            stores.sessions.save_turn(ANN, finished)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [exchange.text for exchange in session.context] == [f'A "{number}",' for number in range(1, 11)]
        assert {exchange.question for exchange in session.context} == {'"text":"","status":"failed"'}
        assert [exchange.meaning is not None for exchange in session.context] == [True, False, False, *[True] * 7]

    def test_it_holds_the_files_of_all_topics_those_of_its_own_first(self, stores: Stores) -> None:
        converse(stores)
        old = keep(stores.files, "Old.", file_id="f1", topic=1)
        claim(stores.sessions, turn("next", topic=2), expected=1, topic_title="Seas")
        new = keep(stores.files, "New.", file_id="f2", topic=2)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.files == (new, old)


class TestClaiming:
    def test_an_unknown_session_is_created_with_its_title(self, stores: Stores) -> None:
        claim(stores.sessions, turn())
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, session.topics) == (1, (Topic(1, "Skies", 1),))

    def test_a_known_session_is_continued(self, stores: Stores) -> None:
        converse(stores)
        claimed = claim(stores.sessions, turn("next"), expected=1)
        assert (claimed.moved, claimed.replaced) == (False, [])

    def test_a_new_topic_forgets_the_context_in_the_same_write(self, stores: Stores) -> None:
        converse(stores, 2)
        claim(stores.sessions, turn("next", topic=2), expected=1, topic_title="Seas")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, session.context) == (2, ())
        assert session.topics == (Topic(1, "Title of s", 2), Topic(2, "Seas", 1))

    def test_nothing_is_written_when_the_topic_changed_in_between(self, stores: Stores) -> None:
        converse(stores)
        claim(stores.sessions, turn("there", topic=2), expected=1)
        assert claim(stores.sessions, turn("here", topic=2), expected=1).moved
        assert [said.answer_id for said in stores.history.load_conversation(ANN, "s", "", 9).turns] == ["there", "s-1"]

    def test_a_session_deleted_in_between_has_moved(self, stores: Stores) -> None:
        converse(stores)
        stores.history.delete_session(ANN, "s")
        assert claim(stores.sessions, turn("here"), expected=1).moved
        assert stores.sessions.load_session(ANN, "s") is None

    def test_a_busy_session_names_its_running_answer(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        with pytest.raises(Busy) as refusal:
            claim(stores.sessions, turn("second"), expected=1, reject=True)
        assert refusal.value.answer_id == "first"

    def test_a_refused_claim_leaves_nothing_behind(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        before = sorted(stores.client.keys("*"))
        with pytest.raises(Busy):
            claim(stores.sessions, turn("second"), expected=1, reject=True)
        assert claim(stores.sessions, turn("third", topic=8), expected=7).moved
        assert sorted(stores.client.keys("*")) == before
        assert stores.workers.held_ids("w1") == {"first"}

    def test_a_refused_claim_of_an_unknown_session_lists_nothing(self, stores: Stores) -> None:
        claim(stores.sessions, turn("third", topic=8), expected=7)
        assert stores.history.list_sessions(ANN, "", 9).items == ()
        assert stores.client.keys("*") == []

    def test_a_question_refused_since_the_session_is_busy_moves_it_nowhere(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores.sessions, turn("elsewhere", session_id="other"))
        with pytest.raises(Busy):
            claim(stores.sessions, turn("second"), expected=1, reject=True)
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["other", "s"]

    def test_one_that_would_rather_be_refused_moves_a_quiet_session_up(self, stores: Stores) -> None:
        converse(stores)
        converse(stores, session_id="other")
        claim(stores.sessions, turn("second"), expected=1, reject=True)
        assert [entry.session_id for entry in stores.history.list_sessions(ANN, "", 9).items] == ["s", "other"]

    def test_nothing_is_listed_for_an_anonymous_visitor(self, stores: Stores) -> None:
        visitor = Owner("anonymous", "c" * 32, address="d" * 32)
        claim(stores.sessions, turn("first"), owner=visitor)
        assert not stores.client.exists(owner_key(visitor, "sessions"))

    def test_replacing_returns_every_answer_that_runs_in_the_session(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores_of(stores.client, "w2").sessions, turn("second"), expected=1)
        assert sorted(claim(stores.sessions, turn("third"), expected=1).replaced) == ["first", "second"]

    def test_the_answer_is_found_and_held_and_its_log_begun(self, stores: Stores) -> None:
        asked = admission(session=Session("s", 1))
        claim(stores.sessions, asked.turn, admission=asked)
        logged = stores.logs.read_log(ANN, asked.answer_id)
        assert logged
        assert (logged.session_id, logged.last, logged.cursor) == ("s", 0, "1-0")
        assert frames(stores, asked.answer_id) == [(1, [start_of(asked.turn)])]
        assert stores.workers.read_held("w1", asked.answer_id) == HeldAnswer(ANN, asked.answer_id, "s", asked)

    def test_a_finished_answer_keeps_nobody_busy(self, stores: Stores) -> None:
        converse(stores)
        assert not claim(stores.sessions, turn("second"), expected=1, reject=True).replaced

    def test_a_seed_is_the_past_of_a_new_session(self, stores: Stores) -> None:
        seed = (answered(turn("seed-1", question="A?"), "A."), answered(turn("seed-2", question="B?"), "B."))
        claim(stores.sessions, turn("first"), seed=seed)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.context == (Exchange("A?", "A."), Exchange("B?", "B."))
        assert session.topics == (Topic(1, "Skies", 3),)
        assert history_texts(stores.history) == ["", "B.", "A."]

    def test_a_seed_of_another_topic_is_read_but_not_remembered(self, stores: Stores) -> None:
        seed = (answered(turn("seed-1", question="A?"), "A."),)
        claim(stores.sessions, turn("first", topic=2), seed=seed, topic_title="Seas")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.context == ()
        assert session.topics == (Topic(1, "Skies", 1), Topic(2, "Seas", 1))

    @pytest.mark.parametrize("topic", [1, 2])
    def test_the_same_claim_twice_is_one(self, stores: Stores, topic: int) -> None:
        """A command is sent again when its connection breaks; what is to be stopped must not be forgotten then."""
        converse(stores)
        claim(stores.sessions, turn("first"), expected=1)
        claims = [claim(stores.sessions, turn("next", topic=topic), expected=1) for _ in range(2)]
        assert [(claimed.moved, claimed.replaced) for claimed in claims] == [(False, ["first"])] * 2
        assert len(stores.history.load_conversation(ANN, "s", "", 9).turns) == 3
        assert len(frames(stores, "next")) == 1

    def test_a_claim_sent_again_leaves_the_log_as_it_is_by_then(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        write(stores, Text("Be"))
        claim(stores.sessions, turn("first"))
        assert [first for first, _ in frames(stores)] == [1, 2]

    def test_the_oldest_turns_go_where_a_session_is_full(self, stores: Stores) -> None:
        converse(stores, TURNS + 2)
        assert history_texts(stores.history) == [f"Answer {n}" for n in range(TURNS + 2, 2, -1)]
        assert stores.client.hlen(session_key(ANN, "s", "answers")) == TURNS
        with pytest.raises(NotFound):
            stores.history.load_turn(ANN, "s-1")

    def test_a_turn_begun_by_hand_in_a_new_topic_names_it(self, stores: Stores) -> None:
        converse(stores)
        stores.history.begin_topic(ANN, "s")
        claim(stores.sessions, turn("next", topic=2), expected=2, topic_title="Seas")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.topics[-1] == Topic(2, "Seas", 1)


class TestSaving:
    def test_it_replaces_the_running_turn(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        saved = answered(turn("first"))
        assert stores.sessions.save_turn(ANN, saved) == "saved"
        assert stores.history.load_turn(ANN, "first") == saved

    def test_saving_twice_is_saving_once(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert stores.sessions.save_turn(ANN, answered(turn("first"))) == "saved"
        assert stores.sessions.save_turn(ANN, answered(turn("first"))) == "saved"
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.context == (Exchange("Why?", "Because."),)
        assert history_texts(stores.history) == ["Because."]

    def test_a_deleted_session_stays_deleted(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.history.delete_session(ANN, "s")
        before = sorted(stores.client.keys("*"))
        assert stores.sessions.save_turn(ANN, answered(turn("first"))) == "gone"
        assert sorted(stores.client.keys("*")) == before
        assert stores.sessions.load_session(ANN, "s") is None

    def test_another_owners_turn_is_not_replaced(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert stores.sessions.save_turn(BEN, answered(turn("first"))) == "gone"
        assert stores.history.load_turn(ANN, "first").status == "running"

    def test_who_lost_the_answer_to_another_worker_saves_nothing(self, stores: Stores) -> None:
        other = stores_of(stores.client, "w2")
        claim(stores.sessions, turn("first"))
        other.workers.take_from_dead("w1", "w2")
        other.workers.adopt_answer(held("first"), "w2")
        assert stores.sessions.save_turn(ANN, answered(turn("first"), "Late.")) == "lost"
        assert other.sessions.save_turn(ANN, answered(turn("first"), "Taken over.")) == "saved"
        assert stores.sessions.save_turn(ANN, answered(turn("first"), "Later.")) == "lost"
        assert history_texts(stores.history) == ["Taken over."]

    def test_an_answer_that_was_saved_is_not_saved_otherwise(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.sessions.save_turn(ANN, answered(turn("first"), "One."))
        assert stores.sessions.save_turn(ANN, answered(turn("first"), "Two.")) == "lost"
        assert stores.history.load_turn(ANN, "first").text == "One."

    def test_one_that_was_dropped_while_it_ran_keeps_nobody_busy(self, stores: Stores) -> None:
        for number in range(TURNS + 1):
            claim(stores.sessions, turn(f"{number}"), expected=int(number > 0))
        assert stores.sessions.save_turn(ANN, answered(turn("0"))) == "gone"
        assert "0" not in claim(stores.sessions, turn("next"), expected=1).replaced

    def test_context_comes_in_the_order_of_saving(self, stores: Stores) -> None:
        for number, answer_id in enumerate(("first", "second")):
            claim(stores.sessions, turn(answer_id, question=answer_id), expected=min(number, 1))
        for answer_id in ("second", "first"):
            stores.sessions.save_turn(ANN, answered(turn(answer_id, question=answer_id)))
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [exchange.question for exchange in session.context] == ["second", "first"]

    def test_an_answer_of_an_earlier_topic_stays_out_of_the_context(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores.sessions, turn("second", topic=2), expected=1)
        stores.sessions.save_turn(ANN, answered(turn("first")))
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert session.context == ()
        assert stores.history.load_turn(ANN, "first").text == "Because."

    @pytest.mark.parametrize(
        ("status", "text", "remembered"),
        [
            ("completed", "All.", True),
            ("incomplete", "Some.", True),
            ("cancelled", "Some.", True),
            ("cancelled", "", False),
            ("failed", "Some.", False),
        ],
    )
    def test_what_failed_or_said_nothing_stays_out_of_the_context(
        self, stores: Stores, status: str, text: str, remembered: bool
    ) -> None:
        claim(stores.sessions, turn("first"))
        stores.sessions.save_turn(ANN, turn("first", status=status, text=text))
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert bool(session.context) is remembered

    def test_the_context_is_bounded(self, client: Redis) -> None:
        stores = stores_of(client, turns=100)
        converse(stores, 22)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert [exchange.question for exchange in session.context] == [f"Question {n}" for n in range(3, 23)]

    def test_only_its_own_mark_is_taken_away(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        claim(stores.sessions, turn("second"), expected=1)
        stores.sessions.save_turn(ANN, answered(turn("first")))
        with pytest.raises(Busy, match="another question"):
            claim(stores.sessions, turn("third"), expected=1, reject=True)


class TestKeys:
    def test_no_key_lives_for_ever(self, stores: Stores) -> None:
        """The session has had a whole life: it was asked, read, answered, renamed, moved on and asked again."""
        claim(stores.sessions, turn("first"))
        keep(stores.files, "One.\nTwo.\n", "Three.")
        stores.drawings.keep_picture(ANN, "s", "first", 0, PNG)
        stores.workers.announce_life("w1")
        write(stores, Text("Be"))
        stores.workers.announce_stop("first")
        stores.sessions.save_turn(ANN, answered(turn("first")))
        write(stores, Done("completed"), first=3, count=2, closed=True)
        stores.history.rename_session(ANN, "s", "Blue")
        stores.history.begin_topic(ANN, "s")
        claim(stores.sessions, turn("second", topic=2), expected=2)
        assert len(stores.client.keys("*")) > 9
        assert endless(stores.client) == []

    def test_a_store_that_forgot_everything_in_the_middle_gets_no_endless_key(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        stores.client.flushall()
        stores.workers.announce_life("w1")
        assert write(stores, Text("Be")) == "gone"
        write(stores, start_of(turn("first")), Text("Be"), first=1)
        stores.sessions.save_turn(ANN, answered(turn("first")))
        write(stores, Done("completed"), first=3, count=2, closed=True)
        stores.workers.withdraw_worker("w1")
        assert stores.client.keys("*")
        assert endless(stores.client) == []

    def test_a_claim_alone_leaves_no_endless_key(self, stores: Stores) -> None:
        """Its worker may die before its first sign of life."""
        claim(stores.sessions, turn("first"))
        assert endless(stores.client) == []

    def test_every_question_puts_the_end_off_again(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "One.")
        stores.drawings.keep_picture(ANN, "s", "s-1", 0, PNG)
        for key in stores.client.keys("*"):
            stores.client.expire(key, 30)
        converse_again = turn("next")
        claim(stores.sessions, converse_again, expected=1)
        stores.sessions.save_turn(ANN, answered(converse_again))
        names = [session_key(ANN, "s", name) for name in SESSION_KEYS]
        assert {name: stores.client.ttl(name) for name in names if stores.client.ttl(name) <= 30} == {}

    def test_an_early_answer_is_found_as_long_as_its_session(self, stores: Stores) -> None:
        converse(stores)
        stores.client.expire(answer_key(ANN, "s-1", "at"), 30)
        stores.client.hset(session_key(ANN, "s", "head"), "found", 0)
        asked = turn("next")
        claim(stores.sessions, asked, expected=1)
        stores.sessions.save_turn(ANN, answered(asked))
        assert stores.client.ttl(answer_key(ANN, "s-1", "at")) > 30

    def test_a_session_for_a_single_question_is_kept_as_long_as_a_log_and_listed_nowhere(self, stores: Stores) -> None:
        single = make_single_use_id()
        converse(stores, session_id=single)
        keep(stores.files, "One.", session_id=single)
        lasting = {key: stores.client.ttl(key) for key in stores.client.keys(f"*.{single}}}:*")}
        assert max(lasting.values()) <= OPEN < TTL
        assert len(lasting) == 7  # these are head, turns, answers, context, said, files and the file itself
        assert stores.client.ttl(answer_key(ANN, f"{single}-1", "at")) <= 2 * OPEN
        assert stores.history.list_sessions(ANN, "", 10).items == ()

    def test_every_key_of_an_owner_names_that_owner(self, stores: Stores) -> None:
        converse(stores)
        keep(stores.files, "One.")
        claim(stores.sessions, turn("first"), expected=1)
        stores.workers.announce_life("w1")
        keys = [key for key in stores.client.keys("*") if not key.startswith(b"qa:{workers}:")]
        assert [key for key in keys if ANN.key.encode() not in key] == []

    def test_a_running_answer_is_its_writers_while_it_may_be_written(self, stores: Stores) -> None:
        claim(stores.sessions, turn("first"))
        assert ANSWER_SECONDS - 5 < stores.client.ttl(session_key(ANN, "s", "running")) <= ANSWER_SECONDS

    def test_what_is_stored_says_its_version(self, stores: Stores) -> None:
        converse(stores)
        stored = stores.client.hget(session_key(ANN, "s", "answers"), "s-1")
        assert stores.client.hget(session_key(ANN, "s", "head"), "v") == b"1"
        assert msgspec.json.decode(stored or b"")["v"] == 1

    def test_fields_of_a_later_release_are_passed_over(self, stores: Stores) -> None:
        said = converse(stores)
        file = keep(stores.files, "One.")
        for name, field in (("answers", "s-1"), ("files", "f1"), ("file:f1", "passage:0")):
            key = session_key(ANN, "s", name)
            known = msgspec.json.decode(stores.client.hget(key, field) or b"")
            stores.client.hset(key, field, msgspec.json.encode({**known, "mood": "blue"}))
        stores.client.hset(session_key(ANN, "s", "head"), "mood", "blue")
        session = stores.sessions.load_session(ANN, "s")
        assert session
        assert (session.context, session.files) == ((Exchange("Question 1", "Answer 1"),), (file,))
        assert stores.history.load_turn(ANN, "s-1") == said[0]
        assert stores.history.load_page(ANN, "s", "f1", 1).text == "One."


class TestAtOnce:
    def test_questions_asked_at_once_each_become_one_turn(self, client: Redis) -> None:
        stores = stores_of(client, turns=100)
        sessions = stores.sessions
        converse(stores)
        begin = threading.Barrier(8)

        def ask(number: int) -> None:
            begin.wait()
            asked = turn(f"thread-{number}")
            claim(sessions, asked, expected=1)
            sessions.save_turn(ANN, answered(asked, f"Said {number}"))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session = sessions.load_session(ANN, "s")
        assert session
        assert sorted(exchange.text for exchange in session.context[1:]) == [f"Said {n}" for n in range(8)]
        assert session.topics == (Topic(1, "Title of s", 9),)

    def test_only_one_of_two_begins_the_next_topic(self, stores: Stores) -> None:
        converse(stores)
        begin, outcomes = threading.Barrier(2), []

        def ask(number: int) -> None:
            begin.wait()
            outcomes.append(claim(stores.sessions, turn(f"thread-{number}", topic=2), expected=1).moved)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [False, True]


def test_a_store_that_is_down_says_so() -> None:
    guard = StoreGuard()
    pool = redis_pool("unix:///nowhere/redis.sock", max_connections=1, timeout=0.1)
    sessions = RedisSessions(
        Redis.from_pool(pool), guard, Kept(TTL, TURNS, ANSWER_SECONDS, OPEN, QUOTA.bytes), worker="w1"
    )
    with pytest.raises(StoreUnavailable):
        sessions.load_session(ANN, "s")


def test_an_expired_session_is_an_unknown_one(stores: Stores) -> None:
    converse(stores)
    for key in stores.client.keys("*"):
        stores.client.pexpire(key, 0)
    assert stores.sessions.load_session(ANN, "s") is None
    with pytest.raises(NotFound):
        stores.history.load_conversation(ANN, "s", "", 9)
    assert not claim(stores.sessions, turn("again")).moved
