"""Topics end and are reopened over every kind of Redis."""

import pytest
from msgspec.structs import replace

from qa_service.errors import NotFound
from qa_service.interfaces import SESSION_TOPICS, TopicContext
from qa_service.model import Exchange, Meaning, Topic
from qa_service.stores.keys import session_key
from tests.fakes import ANN, BEN, turn
from tests.stores.talking import Stores, answered, claim

VECTORS = Meaning("words/1", b"\x00\x3c" * 512, b"\x00\xbc" * 512)


def say(stores: Stores, topic: int, question: str, *, expected: int, text: str = "") -> None:
    """Ask in a topic, and answer."""
    asked = turn(f"a-{question}", question=question, topic=topic)
    claim(stores.sessions, asked, expected=expected, topic_title=question)
    stores.sessions.save_turn(ANN, replace(answered(asked, text or f"{question}!"), meaning=VECTORS))


@pytest.fixture
def two(stores: Stores) -> Stores:
    """Return a session with a topic about VAT, and after it a current one about sofas."""
    say(stores, 1, "VAT?", expected=0)
    say(stores, 1, "When?", expected=1)
    say(stores, 2, "Sofas?", expected=1)
    return stores


def questions(stores: Stores) -> list[str]:
    session = stores.sessions.load_session(ANN, "s")
    assert session
    return [exchange.question for exchange in session.context]


class TestClaimingAnEarlierTopic:
    def test_it_becomes_the_current_one_with_its_own_context(self, two: Stores) -> None:
        say(two, 1, "And late?", expected=2)
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, questions(two)) == (1, ["VAT?", "When?", "And late?"])
        assert session.topics == (Topic(1, "Skies", 3), Topic(2, "Sofas?", 1))

    def test_the_next_new_topic_gets_a_number_that_none_has_had(self, two: Stores) -> None:
        say(two, 1, "And late?", expected=2)
        say(two, 3, "Pools?", expected=1)
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert [(topic.title, topic.turns) for topic in session.topics] == [("Skies", 3), ("Sofas?", 1), ("Pools?", 1)]
        assert questions(two) == ["Pools?"]

    def test_a_topic_in_which_nothing_was_asked_goes(self, two: Stores) -> None:
        two.history.begin_topic(ANN, "s")
        say(two, 1, "And late?", expected=3)
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert [topic.index for topic in session.topics] == [1, 2]

    def test_no_more_are_begun_than_a_session_may_have(self, two: Stores) -> None:
        head = {"topics": SESSION_TOPICS, **{f"title:{number}": "" for number in range(3, SESSION_TOPICS + 1)}}
        two.client.hset(session_key(ANN, "s", "head"), mapping=head)
        two.history.begin_topic(ANN, "s")
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert (session.topic, len(session.topics), questions(two)) == (2, SESSION_TOPICS, ["Sofas?"])

    def test_failed_and_empty_answers_are_not_seen_again(self, stores: Stores) -> None:
        say(stores, 1, "VAT?", expected=0)
        for status, text in (("failed", "Half"), ("cancelled", "")):
            asked = turn(f"a-{status}", question=status)
            claim(stores.sessions, asked, expected=1)
            stores.sessions.save_turn(ANN, replace(asked, status=status, text=text))
        say(stores, 2, "Sofas?", expected=1)
        assert [said.question for said in stores.sessions.load_context(ANN, "s", 1).exchanges] == ["VAT?"]

    @pytest.mark.parametrize("question", ['{"topic":2,"text":"","status":"failed"}', '"topic":2', "\\"])
    def test_what_a_question_says_is_no_field_of_its_turn(self, stores: Stores, question: str) -> None:
        say(stores, 1, question, expected=0, text=question)
        say(stores, 2, "Sofas?", expected=1)
        assert stores.sessions.load_context(ANN, "s", 1).exchanges == (Exchange(question, question, VECTORS),)
        assert [said.question for said in stores.sessions.load_context(ANN, "s", 2).exchanges] == ["Sofas?"]

    def test_nobody_elses_topic_is_loaded(self, two: Stores) -> None:
        assert two.sessions.load_context(BEN, "s", 1) == TopicContext(())

    def test_an_answer_that_ends_in_another_topic_is_seen_when_its_topic_is_reopened(self, two: Stores) -> None:
        late = turn("late", question="Beds?", topic=2)
        claim(two.sessions, late, expected=2)
        say(two, 1, "And late?", expected=2)
        two.sessions.save_turn(ANN, answered(late))
        assert "Beds?" not in questions(two)
        say(two, 2, "Chairs?", expected=1)
        assert questions(two) == ["Sofas?", "Beds?", "Chairs?"]


class TestReopeningByHand:
    def test_the_next_question_belongs_to_it(self, two: Stores) -> None:
        two.history.reopen_topic(ANN, "s", 1)
        assert questions(two) == ["VAT?", "When?"]
        assert two.history.load_conversation(ANN, "s", "", 9).topic == 1

    def test_the_current_topic_stays_as_it_is(self, two: Stores) -> None:
        two.history.reopen_topic(ANN, "s", 2)
        assert questions(two) == ["Sofas?"]

    @pytest.mark.parametrize("topic", [0, 3, 10**6])
    def test_a_topic_that_is_not_there_is_not_found(self, two: Stores, topic: int) -> None:
        with pytest.raises(NotFound):
            two.history.reopen_topic(ANN, "s", topic)
        assert questions(two) == ["Sofas?"]

    def test_a_question_that_was_judged_before_is_judged_again(self, two: Stores) -> None:
        two.history.reopen_topic(ANN, "s", 1)
        assert claim(two.sessions, turn("next", topic=2), expected=2).moved


class TestWhatIsRememberedOfATopic:
    def test_an_ended_topic_is_known_by_its_first_and_its_latest_exchanges(self, stores: Stores) -> None:
        for number in range(1, 6):
            say(stores, 1, f"VAT {number}?", expected=int(number > 1))
        say(stores, 2, "Sofas?", expected=1)
        session = stores.sessions.load_session(ANN, "s")
        assert session
        (earlier,) = session.earlier
        assert earlier.index == 1
        assert sorted(said.question for said in earlier.exchanges) == ["VAT 1?", "VAT 3?", "VAT 4?", "VAT 5?"]
        assert {said.meaning for said in earlier.exchanges} == {VECTORS}

    def test_vectors_stay_with_the_context(self, two: Stores) -> None:
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert [said.meaning for said in session.context] == [VECTORS]

    def test_nothing_is_remembered_of_a_topic_from_which_a_turn_was_deleted(self, two: Stores) -> None:
        two.history.delete_turn(ANN, "a-VAT?")
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert session.earlier == ()

    def test_a_session_of_an_older_release_has_no_earlier_topics_and_can_be_reopened_by_hand(self, two: Stores) -> None:
        (head,) = two.client.keys("*:head")
        two.client.hdel(head, "topics")
        two.client.unlink(*two.client.keys("*:said"))
        session = two.sessions.load_session(ANN, "s")
        assert session
        assert (session.earlier, len(session.topics)) == ((), 2)
        two.history.reopen_topic(ANN, "s", 1)
        assert questions(two) == ["VAT?", "When?"]
