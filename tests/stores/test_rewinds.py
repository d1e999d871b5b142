"""Questions replace the last turns of a session, over every kind of Redis."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from fakeredis import FakeRedis
from msgspec.json import encode
from msgspec.structs import replace
from redis import Redis

from qa_service.errors import Busy, NotFound
from qa_service.interfaces import Removal, TopicContext
from qa_service.model import Exchange, Meaning, Question, Rewind, Topic
from qa_service.stores.keys import owner_key, session_key
from qa_service.turns import Feedback, name_file
from tests.fakes import ANN, desk, turn
from tests.stores.talking import (
    Stores,
    answered,
    ask_instead,
    claim,
    converse,
    endless,
    find,
    history_texts,
    keep,
    stores_of,
)

SECOND = Rewind("s-2")
ALL = Rewind(is_first=True)
VECTORS = Meaning("words/1", b"\x00\x3c" * 4, b"\x00\xbc" * 4)


def talk(stores: Stores, topics: Sequence[int], *, first: int = 1) -> None:
    """Ask and answer a question in each of these topics."""
    for number, topic in enumerate(topics, first):
        asked = turn(f"s-{number}", question=f"Question {number}", topic=topic)
        session = stores.sessions.load_session(ANN, "s")
        claim(stores.sessions, asked, expected=session.topic if session else 0, topic_title=f"Topic of {number}")
        stores.sessions.save_turn(ANN, replace(answered(asked, f"Answer {number}"), meaning=VECTORS))


def everything(stores: Stores) -> dict[str, Any]:
    """Return all that the store has of the session, but for the moment of its last answer."""
    head = stores.client.hgetall(session_key(ANN, "s", "head"))
    hashes = {
        name: stores.client.hgetall(session_key(ANN, "s", name)) for name in ("answers", "said", "files", "running")
    }
    lists = {name: stores.client.lrange(session_key(ANN, "s", name), 0, -1) for name in ("turns", "context")}
    passing = (b"updatedAt", b"found")
    return {"head": {name: value for name, value in head.items() if name not in passing}, **hashes, **lists}


def ids(stores: Stores) -> list[str]:
    """Return the answers of the session, oldest first."""
    return [said.answer_id for said in stores.history.load_conversation(ANN, "s", "", 99).turns[::-1]]


class TestReplacing:
    @pytest.mark.parametrize(
        ("kept", "replaced", "topic"),
        [
            ([1, 1], [1], 1),
            ([1, 1, 1, 1], [1], 2),
            ([1], [1, 1, 1], 1),
            ([1], [2], 2),
            ([1], [2, 3, 2], 1),
            ([1, 2], [1], 1),
            ([1, 2], [1], 3),
            ([1, 2, 1], [2, 2], 2),
        ],
    )
    def test_leaves_the_session_as_if_what_is_replaced_had_never_been(
        self, stores: Stores, kept: list[int], replaced: list[int], topic: int
    ) -> None:
        talk(stores, kept)
        before = stores.sessions.load_session(ANN, "s")
        asked = turn("again", question="Again?", topic=topic)
        claim(stores.sessions, asked, expected=kept[-1], topic_title="Seas")
        never_been = everything(stores)
        stores.client.flushall()
        talk(stores, [*kept, *replaced])
        removal = find(stores, Rewind(f"s-{len(kept) + 1}"))
        assert removal.session == before
        ask_instead(stores, asked, removal, expected=replaced[-1], topic_title="Seas")
        assert everything(stores) == never_been
        assert ids(stores) == [*(f"s-{number}" for number, _ in enumerate(kept, 1)), "again"]
        assert not endless(stores.client)

    def test_all_of_a_session_begins_it_again_under_the_new_questions_title(self, stores: Stores) -> None:
        talk(stores, [1, 2, 1])
        removal = find(stores, ALL)
        assert (removal.session.topics, removal.session.context, removal.session.earlier) == (
            (Topic(1, "", 0),),
            (),
            (),
        )
        ask_instead(stores, turn("other"), removal, topic_title="Seas", title="Seas")
        page = stores.history.load_conversation(ANN, "s", "", 9)
        assert (page.title, page.topics, page.topic) == ("Seas", (Topic(1, "Seas", 1),), 1)
        assert not endless(stores.client)

    def test_the_first_question_leaves_a_title_that_somebody_gave(self, stores: Stores) -> None:
        talk(stores, [1])
        stores.history.rename_session(ANN, "s", "My taxes")
        ask_instead(stores, turn("other"), find(stores, ALL), topic_title="Seas", title="Seas")
        page = stores.history.load_conversation(ANN, "s", "", 9)
        assert (page.title, page.topics) == ("My taxes", (Topic(1, "Seas", 1),))

    def test_a_topic_that_a_reset_has_opened_since_goes_too(self, stores: Stores) -> None:
        talk(stores, [1, 1])
        stores.history.begin_topic(ANN, "s")
        removal = find(stores, SECOND)
        assert (removal.session.topic, len(removal.session.topics)) == (1, 1)
        ask_instead(stores, turn("again"), removal, expected=2)
        assert stores.history.load_conversation(ANN, "s", "", 9).topics == (Topic(1, "Skies", 2),)

    def test_what_was_thought_of_a_replaced_answer_goes_with_it(self, stores: Stores) -> None:
        converse(stores, 2)
        stores.feedback.save_feedback(ANN, "s-2", Feedback("down", "", "2026-01-02T03:04:05.678Z"), listed_in="site")
        ask_instead(stores, turn("again"), find(stores, SECOND))
        assert set(stores.client.hkeys(session_key(ANN, "s", "answers"))) == {b"s-1", b"again"}
        with pytest.raises(NotFound):
            stores.history.load_turn(ANN, "s-2")

    def test_the_context_of_a_topic_is_known_without_what_is_replaced(self, stores: Stores) -> None:
        talk(stores, [1, 2, 1])
        removal = find(stores, Rewind("s-3"))
        assert removal.contexts == {1: TopicContext((Exchange("Question 1", "Answer 1", VECTORS),))}
        (earlier,) = removal.session.earlier
        assert [exchange.question for exchange in earlier.exchanges] == ["Question 1"]

    def test_nothing_is_said_where_nothing_is_replaced(self, stores: Stores) -> None:
        converse(stores, 2)
        for rewind in (Rewind(kept=("s-1", "s-2")), Rewind("gone", is_exact=True)):
            assert stores.rewinds.find_removal(ANN, "s", rewind) is None
        assert stores.rewinds.find_removal(ANN, "other", ALL) is None


class TestFiles:
    @pytest.mark.parametrize(
        ("rewind", "kept"),
        [(SECOND, ["s-1"]), (replace(SECOND, is_exact=True), ["s-1", "s-2"]), (Rewind("s-1", is_exact=True), ["s-1"])],
    )
    def test_go_with_the_questions_but_for_that_of_an_answer_named_by_its_id(
        self, stores: Stores, rewind: Rewind, kept: list[str]
    ) -> None:
        converse(stores, 3)
        for answer_id in ("s-1", "s-2", "s-3"):
            keep(stores.files, "One.", file_id=name_file(answer_id, 1))
        removal = find(stores, rewind)
        left = [name_file(answer_id, 1) for answer_id in kept]
        assert sorted(file.file_id for file in removal.session.files) == sorted(left)
        ask_instead(stores, turn("again"), removal)
        assert sorted(file.file_id for file in stores.history.list_files(ANN, "s")) == sorted(left)
        assert len(list(stores.client.scan_iter("*:file:*"))) == len(left)
        whole = space(stores.client)
        for file in stores.history.list_files(ANN, "s"):
            stores.history.delete_file(ANN, "s", file.file_id)
        assert space(stores.client) == whole - 4 * len(left)


def ask_between(stores: Stores) -> None:
    talk(stores, [1], first=9)


def delete_a_turn(stores: Stores) -> None:
    stores.history.delete_turn(ANN, "s-1")


def begin_a_topic(stores: Stores) -> None:
    stores.history.begin_topic(ANN, "s")


def replace_the_same(stores: Stores) -> None:
    ask_instead(stores, turn("another"), find(stores, SECOND))


def delete_all(stores: Stores) -> None:
    stores.history.delete_session(ANN, "s")


class TestRefusals:
    @pytest.mark.parametrize("change", [ask_between, delete_a_turn, begin_a_topic, replace_the_same, delete_all])
    def test_a_session_that_has_changed_since_stays_as_it_is(
        self, stores: Stores, change: Callable[[Stores], None]
    ) -> None:
        talk(stores, [1, 1])
        removal = find(stores, SECOND)
        change(stores)
        before = everything(stores)
        assert ask_instead(stores, turn("again"), removal).moved
        assert everything(stores) == before

    def test_a_busy_session_stays_as_it_is_for_a_question_that_would_rather_be_refused(self, stores: Stores) -> None:
        talk(stores, [1, 1])
        keep(stores.files, "One.", file_id=name_file("s-2", 1))
        claim(stores.sessions, turn("running"), expected=1)
        before = everything(stores)
        with pytest.raises(Busy):
            ask_instead(stores, turn("again"), find(stores, SECOND), reject=True)
        assert everything(stores) == before
        assert len(list(stores.client.scan_iter("*:file:*"))) == 1


class TestRunningAnswers:
    def test_one_that_is_replaced_is_to_be_stopped_and_is_not_kept(self, stores: Stores) -> None:
        converse(stores, 1)
        running = turn("running", question="Question 2")
        claim(stores.sessions, running, expected=1)
        claimed = ask_instead(stores, turn("again"), find(stores, Rewind("running")))
        assert list(claimed.replaced) == ["running"]
        assert stores.sessions.save_turn(ANN, answered(running)) == "gone"
        assert ids(stores) == ["s-1", "again"]

    def test_the_same_claim_twice_is_one_and_names_it_again(self, stores: Stores) -> None:
        """A command is sent again when its connection breaks."""
        talk(stores, [1, 1])
        claim(stores.sessions, turn("running"), expected=1)
        removal = find(stores, SECOND)
        claims = [ask_instead(stores, turn("again"), removal) for _ in range(2)]
        assert [(claimed.moved, claimed.replaced) for claimed in claims] == [(False, ["running"])] * 2
        assert ids(stores) == ["s-1", "again"]

    def test_one_whose_writer_died_keeps_nobody_busy_once_its_turn_is_replaced(self, stores: Stores) -> None:
        claim(stores_of(stores.client, "w2").sessions, turn("running"))
        (held,) = (stores.workers.read_held("w2", "running"),)
        asked = turn("again")
        ask_instead(stores, asked, find(stores, Rewind("running")))
        assert held
        assert stores.workers.adopt_answer(held, "w1") is None
        stores.sessions.save_turn(ANN, answered(asked))
        assert not claim(stores.sessions, turn("next"), expected=1, reject=True).replaced

    def test_of_two_questions_that_replace_the_same_the_later_one_is_all_that_is_left(self, stores: Stores) -> None:
        talk(stores, [1, 1])
        exact = replace(SECOND, is_exact=True)
        first, second = find(stores, exact), find(stores, exact)
        one = turn("one", instead_of=("s-2",))
        ask_instead(stores, one, first)
        assert ask_instead(stores, turn("two"), second).moved
        assert list(ask_instead(stores, turn("two"), find(stores, exact)).replaced) == ["one"]
        assert stores.sessions.save_turn(ANN, answered(one)) == "gone"
        assert ids(stores) == ["s-1", "two"]


def test_of_questions_that_replace_the_same_at_once_one_is_left(real: Redis) -> None:
    stores = stores_of(real)
    talk(stores, [1, 1])
    asked = Question("Again?", ANN, "s", rewind=replace(SECOND, is_exact=True))

    def ask(_: int) -> str:
        admitting = desk(stores.sessions, find_removal=stores.rewinds.find_removal)
        return admitting.admit_new(asked).answer_id

    with ThreadPoolExecutor(4) as askers:
        admitted = list(askers.map(ask, range(4)))
    first, last = ids(stores)
    assert first == "s-1"
    assert last in admitted
    assert stores.history.load_conversation(ANN, "s", "", 9).topics == (Topic(1, "Skies", 2),)


def test_thousands_of_turns_are_replaced_at_once(real: Redis) -> None:
    stores = stores_of(real, turns=20_000)
    talk(stores, [1])
    said = [answered(turn(f"l-{number}", text="Long.")) for number in range(8_100)]
    real.hset(session_key(ANN, "s", "answers"), mapping={one.answer_id: encode(one) for one in said})
    real.rpush(session_key(ANN, "s", "turns"), *(one.answer_id for one in said))
    real.hset(session_key(ANN, "s", "head"), "turns:1", 8_101)
    ask_instead(stores, turn("again"), find(stores, Rewind("l-0")))
    assert ids(stores) == ["s-1", "again"]


class Failing(FakeRedis):
    """A `Failing` is a store that goes away when a pipeline is made, after this many."""

    left = 99

    def pipeline(self, *arguments: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise redis.ConnectionError("The store has gone away.")
        return super().pipeline(*arguments, **options)


class Interrupted(FakeRedis):
    """An `Interrupted` is a store that does something else, each time that a pipeline is made, as long as it has
    something."""

    later: Sequence[Callable[[], object]] = ()

    def pipeline(self, *arguments: Any, **options: Any) -> Any:
        if self.later:
            first, *self.later = self.later
            first()
        return super().pipeline(*arguments, **options)


def space(client: Redis) -> int:
    return int(client.hget(owner_key(ANN, "space"), "total") or 0)


class TestAfterTheClaim:
    def test_a_removal_is_a_value_that_can_be_used_by_any_worker(self, stores: Stores) -> None:
        talk(stores, [1, 1])
        removal: Removal = find(stores, SECOND)
        ask_instead(stores_of(stores.client, "w2"), turn("again"), removal)
        assert history_texts(stores.history) == ["", "Answer 1"]
