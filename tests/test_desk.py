"""What the desk refuses, and what it lets in: into which session, which topic, and instead of which answer."""

import re

import pytest

from qa_service.desk import SEED, Desk, title_of
from qa_service.errors import Busy, RateLimited, StoreUnavailable
from qa_service.interfaces import Claim, Claimed
from qa_service.model import Admission, Exchange, Message, Owner, Question, Session, Topic, TopicNotice
from tests.fakes import ANN, FakeDetector, FakeSessions, Unlimited

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
VISITOR = Owner("anonymous", "c" * 32, address="1" * 32)


class Waiter:
    """A `Limiter` that has none left."""

    def take(self, owner: Owner) -> float:
        return 2.5


class Restless(FakeSessions):
    """Sessions that are in another topic each time they are claimed, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def claim(self, claim: Claim) -> Claimed:
        self.times -= 1
        return Claimed(created=False, moved=True) if self.times >= 0 else super().claim(claim)


class House:
    """A desk, and the answers it had stopped."""

    def __init__(self, sessions: FakeSessions | None = None) -> None:
        self.sessions = sessions or FakeSessions()
        self.stopped: list[tuple[str, str]] = []
        self.desk = Desk(self.sessions, Unlimited(), FakeDetector(), self._stop, worker="w1", model="mini")

    def _stop(self, answer_id: str, worker: str) -> None:
        self.stopped.append((answer_id, worker))

    def ask(self, text: str = "Why?", session_id: str = "chat", owner: Owner = ANN, **fields: object) -> Admission:
        return self.desk.admit(Question(text, owner, session_id, **fields))  # type: ignore[arg-type]


def deaf(answer_id: str, worker: str) -> None:
    raise StoreUnavailable("The store does not answer.", retry_after=1)


def test_a_word_that_cannot_be_left_refuses_no_question() -> None:
    sessions = FakeSessions()
    desk = Desk(sessions, Unlimited(), FakeDetector(), deaf, worker="w1", model="mini")
    desk.admit(Question("Why?", ANN, "chat"))
    assert desk.admit(Question("And?", ANN, "chat")).turn.question == "And?"


class TestRefusing:
    def test_too_many_questions_are_told_when_to_come_back(self) -> None:
        sessions = FakeSessions()
        desk = Desk(sessions, Waiter(), FakeDetector(), lambda *_: None, worker="w1", model="mini")
        with pytest.raises(RateLimited) as refusal:
            desk.admit(Question("Why?", ANN, "chat"))
        assert refusal.value.retry_after == 3
        assert sessions.sessions == {}

    def test_a_busy_session_refuses_who_asked_for_that(self) -> None:
        house = House()
        first = house.ask()
        with pytest.raises(Busy) as refusal:
            house.ask(on_busy="reject")
        assert refusal.value.answer_id == first.answer_id
        assert house.stopped == []

    def test_a_store_that_is_down_refuses(self) -> None:
        house = House()
        house.sessions.available = False
        with pytest.raises(StoreUnavailable):
            house.ask()

    def test_a_session_that_changes_all_the_time_refuses(self) -> None:
        with pytest.raises(StoreUnavailable, match="too fast"):
            House(Restless(5)).ask()


class TestReplacing:
    def test_the_running_answer_is_stopped(self) -> None:
        house = House()
        first = house.ask()
        house.ask("And now?")
        assert house.stopped == [(first.answer_id, "w1")]

    def test_a_session_that_moved_is_loaded_again(self) -> None:
        assert House(Restless(4)).ask().topic.index == 1


class TestSessions:
    def test_an_unknown_id_becomes_a_new_session_under_it(self) -> None:
        admitted = House().ask()
        assert (admitted.created, admitted.session.session_id) == (True, "chat")

    def test_a_known_one_goes_on(self) -> None:
        house = House()
        house.ask()
        admitted = house.ask()
        assert (admitted.created, admitted.topic) == (False, TopicNotice(1, drifted=False, score=0.1))

    def test_without_an_id_there_is_a_new_one_that_nobody_guesses(self) -> None:
        ids = {House().ask(session_id="").session.session_id for _ in range(3)}
        assert len(ids) == 3
        assert all(re.fullmatch("[0-9a-f]{32}", session_id) for session_id in ids)

    @pytest.mark.parametrize(("own", "kept"), [("chat", False), ("x" * 21, False), ("x" * 22, True), (UUID, True)])
    def test_a_visitors_own_id_must_be_hard_to_guess(self, own: str, kept: bool) -> None:
        assert (House().ask(session_id=own, owner=VISITOR).session.session_id == own) is kept

    def test_the_turn_is_running_and_says_who_writes_it(self) -> None:
        admitted = House().ask("  Why\n blue? ", language="ko")
        turn = admitted.turn
        assert (turn.status, turn.worker, turn.language, turn.text) == ("running", "w1", "ko", "")
        assert (turn.answer_id, turn.created_at) == (admitted.answer_id, admitted.created_at)
        assert re.fullmatch("[0-9a-f]{32}", turn.answer_id)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", turn.created_at)

    @pytest.mark.parametrize(("asked", "model"), [("", "mini"), ("maxi", "maxi")])
    def test_the_model_is_the_askers_or_the_servers(self, asked: str, model: str) -> None:
        assert House().ask(model=asked).model == model


class TestTopics:
    def test_a_drifted_question_begins_the_next_one_with_an_empty_context(self) -> None:
        house = House()
        house.ask("Why is the sky blue?")
        admitted = house.ask("new: who won?")
        assert admitted.topic == TopicNotice(2, drifted=True, score=0.9)
        assert (admitted.session.context, admitted.session.files) == ((), ())
        assert admitted.session.topics[-1] == Topic(2, "new: who won?", 0)
        assert admitted.turn.topic == 2

    def test_keep_keeps_it_whatever_the_detector_says(self) -> None:
        house = House()
        house.ask()
        assert house.ask("new: who won?", topic="keep").topic == TopicNotice(1, drifted=False, score=0)

    def test_new_begins_one_whatever_the_detector_says(self) -> None:
        house = House()
        house.ask()
        assert house.ask("And why?", topic="new").topic == TopicNotice(2, drifted=True, score=1)

    def test_the_first_question_of_a_session_has_drifted_from_nothing(self) -> None:
        admitted = House().ask("new: who won?", topic="new")
        assert (admitted.topic.index, admitted.topic.drifted) == (1, False)

    def test_a_topic_begun_by_hand_is_named_by_its_first_question(self) -> None:
        claims: list[Claim] = []

        class Watching(FakeSessions):
            def claim(self, claim: Claim) -> Claimed:
                claims.append(claim)
                return super().claim(claim)

        house = House(Watching())
        house.sessions.sessions[ANN.key, "chat"] = Session("chat", 2, (Topic(1, "Skies", 3), Topic(2, "", 0)))
        assert house.ask("Who won?").topic.index == 2
        assert claims[0].topic_title == "Who won?"


class TestSeeding:
    def conversation(self, exchanges: int) -> tuple[Message, ...]:
        pairs = [(Message("user", f"Q{n}"), Message("assistant", f"A{n}")) for n in range(exchanges)]
        return tuple(message for pair in pairs for message in pair)

    def test_an_unknown_session_begins_with_what_the_caller_says_was_said(self) -> None:
        admitted = House().ask(messages=self.conversation(2))
        assert admitted.session.context == (Exchange("Q0", "A0"), Exchange("Q1", "A1"))
        assert admitted.session.topics == (Topic(1, "Q0", 2),)
        assert admitted.created

    def test_a_known_sessions_own_turns_win(self) -> None:
        house = House()
        house.ask()
        assert house.ask(messages=self.conversation(2)).session.context == ()

    def test_drift_is_judged_against_it(self) -> None:
        admitted = House().ask("new: who won?", messages=self.conversation(2))
        assert admitted.topic == TopicNotice(2, drifted=True, score=0.9)
        assert admitted.session.context == ()

    def test_only_its_end_is_kept(self) -> None:
        context = House().ask(messages=self.conversation(SEED + 3)).session.context
        assert (len(context), context[0]) == (SEED, Exchange("Q3", "A3"))

    def test_what_has_no_answer_or_no_question_is_left_out(self) -> None:
        said = (
            Message("assistant", "Hello!"),
            Message("user", "First?"),
            Message("user", "Second?"),
            Message("system", "Be rude."),
            Message("assistant", "Yes."),
            Message("assistant", "Really."),
            Message("user", "Third?"),
        )
        assert House().ask(messages=said).session.context == (Exchange("Second?", "Yes."),)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (" Why \n\t blue? ", "Why blue?"),
        ("하" * 80, "하" * 80),
        ("하" * 81, "하" * 79 + "…"),
        ("a" * 78 + " bcd", "a" * 78 + "…"),
    ],
)
def test_a_title_is_the_question_on_one_line_shortened(question: str, title: str) -> None:
    assert title_of(question) == title
