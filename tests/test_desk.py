"""These tests show what the desk refuses, and what it lets in: into which session, which topic, and instead of which
answer."""

import re
from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace

from qa_service.desk import PREDECESSORS, SEED, Repeated, shorten_title
from qa_service.errors import (
    Busy,
    Draining,
    IdempotencyMismatch,
    Overloaded,
    OverQuota,
    QAError,
    RateLimited,
    StoreUnavailable,
)
from qa_service.frames import TopicNotice
from qa_service.interfaces import SESSION_TOPICS, Claim, Claimed
from qa_service.model import Drift, Exchange, Message, Owner, Question, Repeat, Rewind, Session, Topic
from qa_service.running.stop import StopSignal
from qa_service.single_use import make_single_use_id
from qa_service.turns import Admission
from tests.fakes import ANN, BUG, FakeArrivals, FakeDetector, FakeRepeats, FakeRoom, FakeSessions, Unlimited, desk

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
FIRST, OTHER = Repeat("1" * 32, "a" * 32, 60), Repeat("1" * 32, "b" * 32, 60)
VISITOR = Owner("anonymous", "c" * 32, address="1" * 32)


class Refusing(Unlimited):
    """A `Refusing` is a `Limiter` that makes everybody wait this long."""

    def __init__(self, wait: float = 0) -> None:
        self.wait = wait

    def take_question(self, owner: Owner) -> float:
        return self.wait

    seconds_to_wait = take_question


class Watching(FakeSessions):
    """`Watching` sessions remember how they were claimed."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[Claim] = []

    def claim_session(self, claim: Claim) -> Claimed:
        self.claims.append(claim)
        return super().claim_session(claim)


class Restless(Watching):
    """`Restless` sessions are in another topic each time they are claimed, this many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def claim_session(self, claim: Claim) -> Claimed:
        self.times -= 1
        return Claimed(moved=True) if self.times >= 0 else super().claim_session(claim)


class House:
    """A `House` is a desk, and the answers it had stopped."""

    def __init__(self, sessions: Watching | None = None, **others: object) -> None:
        self.sessions = sessions or Watching()
        self.repeats, self.room = FakeRepeats(), FakeRoom()
        self.stopped: list[str] = []
        known = {"repeats": self.repeats, "room": self.room, "stop": self.stopped.append}
        self.desk = desk(self.sessions, **{**known, **others})

    def admit(self, text: str, **fields: object) -> Admission | Repeated:
        return self.desk.admit(Question(text, ANN, "chat", **fields))

    def ask(self, text: str = "Why?", session_id: str = "chat", owner: Owner = ANN, **fields: object) -> Admission:
        admitted = self.desk.admit(Question(text, owner, session_id, **fields))
        assert isinstance(admitted, Admission)
        return admitted

    def answer(self, admitted: Admission) -> None:
        """End the answer."""
        finished = replace(admitted.turn, text="Because.", status="completed")
        self.sessions.save_turn(admitted.question.owner, finished)


def test_a_new_question_is_admitted_whatever_was_asked_before_it() -> None:
    house = House()
    first = house.desk.admit_new(Question("Why?", ANN, "chat"))
    house.answer(first)
    second = house.desk.admit_new(Question("Why?", ANN, "chat"))
    assert first.answer_id != second.answer_id


def deaf(answer_id: str) -> None:
    raise StoreUnavailable("The store does not answer.", retry_after=1)


def test_a_word_that_cannot_be_left_refuses_no_question() -> None:
    house = House(stop=deaf)
    house.ask()
    assert house.ask("And?").turn.question == "And?"


class Crowded(Watching):
    """`Crowded` sessions have three running answers that a question replaces."""

    def claim_session(self, claim: Claim) -> Claimed:
        return replace(super().claim_session(claim), replaced=("one", "two", "three"))


@pytest.mark.parametrize(
    "error", [StoreUnavailable(retry_after=1), QAError("The store was asked for something wrong.")]
)
def test_one_answer_that_cannot_be_stopped_spares_no_other(error: QAError) -> None:
    stopped: list[str] = []

    def stop(answer_id: str) -> None:
        stopped.append(answer_id)
        if answer_id != "three":
            raise error

    House(Crowded(), stop=stop).ask()
    assert stopped == ["one", "two", "three"]


def test_a_part_of_one_answer_that_does_not_end_spares_no_other() -> None:
    def fail() -> None:
        raise BUG

    stops = {each: StopSignal() for each in ("one", "two", "three")}
    for stop in stops.values():
        stop.call_when_set(fail)
    admission = House(Crowded(), stop=lambda answer_id: stops[answer_id].set("cancelled")).ask()
    assert admission.turn.status == "running"
    assert all(stop.is_set() for stop in stops.values())


class TestRepeating:
    def test_the_same_question_again_has_its_answer_already(self) -> None:
        house = House()
        first = house.ask(repeat=FIRST)
        assert house.admit("Why?", repeat=FIRST) == Repeated(first.answer_id)
        assert (house.room.inside, house.stopped) == (1, [])

    def test_another_question_under_the_same_key_is_a_mistake(self) -> None:
        house = House()
        house.ask(repeat=FIRST)
        with pytest.raises(IdempotencyMismatch) as refusal:
            house.admit("And?", repeat=OTHER)
        assert (refusal.value.status, refusal.value.field) == (422, "idempotencyKey")

    def test_a_repetition_is_let_through_where_a_question_would_not_be(self) -> None:
        """A client that comes back isn't asked to wait, and takes no place."""
        limiter = Refusing()
        house = House(limiter=limiter)
        first = house.ask(repeat=FIRST)
        limiter.wait, house.room.refusal = 2.5, Overloaded(retry_after=5)
        assert house.admit("Why?", repeat=FIRST) == Repeated(first.answer_id)

    @pytest.mark.parametrize("refusal", [Overloaded(retry_after=5), Draining(retry_after=1)])
    def test_a_refused_question_may_be_asked_again_under_its_key(self, refusal: QAError) -> None:
        house = House()
        house.room.refusal = refusal
        with pytest.raises(type(refusal)):
            house.ask(repeat=FIRST)
        house.room.refusal = None
        assert house.ask(repeat=FIRST)

    def test_a_key_that_cannot_be_given_back_hides_no_refusal(self) -> None:
        class Stuck(FakeRepeats):
            def release_key(self, owner: Owner, repeat: Repeat, answer_id: str, *, begun: bool = False) -> None:
                raise StoreUnavailable

        house = House(repeats=Stuck(), limiter=Refusing(2.5))
        with pytest.raises(RateLimited):
            house.ask(repeat=FIRST)

    def test_it_is_kept_with_the_claim(self) -> None:
        house = House()
        house.ask(repeat=FIRST)
        assert house.sessions.claims[0].repeat == FIRST


def test_a_question_without_room_in_the_store_is_refused_before_it_takes_a_place_or_claims() -> None:
    sessions = Watching()
    arrivals = FakeArrivals(Refusing(), sessions)
    arrivals.has_room = False
    house = House(sessions, arrivals=arrivals)
    with pytest.raises(OverQuota):
        house.ask()
    assert (sessions.claims, house.room.inside) == ([], 0)


def test_where_there_is_no_room_the_claim_decides_on_a_question_that_replaces_another() -> None:
    sessions = Watching()
    arrivals = FakeArrivals(Refusing(), sessions)
    house = House(sessions, arrivals=arrivals)
    first = house.ask()
    arrivals.has_room = False
    assert house.ask(rewind=Rewind(first.answer_id, is_exact=True)).turn.instead_of == (first.answer_id,)


class TestRoom:
    def test_whoever_is_let_in_has_a_place(self) -> None:
        house = House()
        house.ask()
        assert house.room.inside == 1

    @pytest.mark.parametrize("refusal", [Overloaded(retry_after=5), Draining(retry_after=1)])
    def test_without_one_nothing_is_begun(self, refusal: QAError) -> None:
        house = House()
        house.room.refusal = refusal
        with pytest.raises(type(refusal)):
            house.ask()
        assert house.sessions.sessions == {}

    def test_it_is_given_back_with_every_refusal_that_follows(self) -> None:
        house = House()
        house.ask()
        with pytest.raises(Busy):
            house.ask(on_busy="reject")
        house.sessions.available = False
        with pytest.raises(StoreUnavailable):
            house.ask()
        assert house.room.inside == 1

    def test_it_is_given_back_when_something_breaks(self) -> None:
        class Broken:
            def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
                raise BUG

        house = House(detector=Broken())
        with pytest.raises(ZeroDivisionError):
            house.ask()
        assert house.room.inside == 0


class TestReopening:
    def test_a_question_of_an_earlier_topic_gets_that_topics_context(self) -> None:
        house = House()
        for text in ("Q1", "new: Q2"):
            house.answer(house.ask(text))
        again = house.ask("1: Q3")
        assert (again.topic.index, again.topic.drifted, again.topic.reopened) == (1, False, True)
        assert again.session.context == (Exchange("Q1", "Because."),)
        assert (again.turn.topic, len(again.session.topics)) == (1, 2)

    def test_the_next_new_topic_is_counted_on(self) -> None:
        house = House()
        for text in ("Q1", "new: Q2", "1: Q3"):
            house.answer(house.ask(text))
        last = house.ask("new: Q4")
        assert (last.topic.index, last.topic.drifted, last.session.context) == (3, True, ())

    @pytest.mark.parametrize("topic", [2, 3, 9])
    def test_a_topic_that_is_current_or_not_there_changes_nothing(self, topic: int) -> None:
        house = House()
        for text in ("Q1", "new: Q2"):
            house.answer(house.ask(text))
        kept = house.ask(f"{topic}: Q3")
        assert (kept.topic.index, kept.topic.reopened) == (2, False)

    def test_what_the_files_say_is_measured_only_where_there_is_something_to_leave(self) -> None:
        measured: list[str] = []

        def measure(question: Question, session: Session) -> Mapping[int, float]:
            measured.append(question.text)
            return {}

        house = House(measure_coverage=measure)
        for text in ("Q1", "Q2"):
            house.answer(house.ask(text))
        assert measured == ["Q2"]


class TestGoingOnElsewhere:
    @pytest.mark.parametrize("background", [True, False])
    def test_the_admission_is_kept_with_the_claim_where_another_worker_may_begin_again(self, background: bool) -> None:
        house = House(background=background)
        admitted = house.ask()
        assert house.sessions.claims[0].admission == (admitted if background else None)
        assert house.sessions.claims[0].start == admitted.build_start()


class TestRefusing:
    def test_too_many_questions_are_told_when_to_come_back(self) -> None:
        house = House(limiter=Refusing(2.5))
        with pytest.raises(RateLimited) as refusal:
            house.ask()
        assert refusal.value.retry_after == 3
        assert (house.sessions.sessions, house.room.inside) == ({}, 0)

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
        assert house.stopped == [first.answer_id]

    def test_a_session_that_moved_is_loaded_again(self) -> None:
        assert House(Restless(4)).ask().topic.index == 1


class Lost(Watching):
    """`Lost` sessions are lost when they are claimed, because the store goes away, or after they have moved."""

    lost = ""

    def claim_session(self, claim: Claim) -> Claimed:
        self.available = not self.lost
        return Claimed(moved=True) if self.lost == "moved" else super().claim_session(claim)


class Changing(Watching):
    """With `Changing` sessions something happens between their being loaded and the next claim."""

    happens: Callable[[], object] | None = None

    def claim_session(self, claim: Claim) -> Claimed:
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return super().claim_session(claim)


class TestReplacingTurns:
    """These questions take the place of earlier ones."""

    def talk(self, house: House, *questions: str, **fields: object) -> list[str]:
        """Ask these, and return the ids of their answers."""
        answers = []
        for question in questions:
            house.answer(admitted := house.ask(question, **fields))
            answers.append(admitted.answer_id)
        return answers

    def asked(self, house: House) -> list[str]:
        """Return the questions of the conversation that were answered."""
        return [turn.question for turn in house.sessions.saved]

    @pytest.mark.parametrize("limit", ["rate", "room", "drained", "busy", "outage", "moved"])
    def test_one_that_is_refused_leaves_all_as_it_is(self, limit: str) -> None:
        sessions, limiter = Lost(), Refusing()
        house = House(sessions, limiter=limiter)
        _, second = self.talk(house, "Why?", "When?")
        if limit == "busy":
            house.ask("And?")
        before = (dict(sessions.sessions), list(sessions.saved), dict(sessions.running))
        limiter.wait = 3.0 if limit == "rate" else 0.0
        sessions.lost = limit if limit in ("outage", "moved") else ""
        house.room.refusal = {"room": Overloaded("full"), "drained": Draining("ends")}.get(limit)
        with pytest.raises(QAError):
            house.ask("When then?", rewind=Rewind(second, is_exact=True), on_busy="reject")
        assert (sessions.sessions, sessions.saved, sessions.running) == before
        assert house.stopped == []

    def test_what_is_replaced_isnt_the_context(self) -> None:
        house = House()
        _, second = self.talk(house, "Why?", "When?")
        admitted = house.ask("When then?", rewind=Rewind(second, is_exact=True))
        assert [exchange.question for exchange in admitted.session.context] == ["Why?"]
        assert self.asked(house) == ["Why?"]
        assert admitted.turn.instead_of == (second,)

    def test_the_topic_is_judged_by_what_is_left(self) -> None:
        class Judging(FakeDetector):
            seen: Session

            def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
                Judging.seen = session
                return Drift(session.context == (), 0.5)

        house = House(detector=Judging())
        _, second = self.talk(house, "Why?", "When?")
        assert not house.ask("When then?", rewind=Rewind(second)).topic.drifted
        assert [exchange.question for exchange in Judging.seen.context] == ["Why?"]
        assert Judging.seen.topics == (Topic(1, "Why?", 1),)

    def test_a_question_in_another_topic_takes_the_session_back_to_the_one_before(self) -> None:
        house = House()
        self.talk(house, "Why?")
        (second,) = self.talk(house, "Seas?", topic="new")
        admitted = house.ask("And when?", rewind=Rewind(second, is_exact=True), topic="keep")
        assert (admitted.topic.index, [topic.title for topic in admitted.session.topics]) == (1, ["Why?"])
        third = house.ask("Seas then?", rewind=Rewind(admitted.answer_id, is_exact=True), topic="new")
        assert [topic.title for topic in third.session.topics] == ["Why?", "Seas then?"]

    def test_a_reopened_topic_is_without_what_is_replaced(self) -> None:
        class Reopening(FakeDetector):
            def judge_topic(self, question: str, session: Session, coverage: Mapping[int, float]) -> Drift:
                return Drift(False, 0.5, reopened=1)

        house = House(detector=Reopening())
        self.talk(house, "Why?", topic="keep")
        self.talk(house, "Seas?", topic="new")
        (third,) = self.talk(house, "And when?")
        admitted = house.ask("When then?", rewind=Rewind(third, is_exact=True))
        assert admitted.topic == TopicNotice(1, drifted=False, score=0.5, reopened=True)
        assert [exchange.question for exchange in admitted.session.context] == ["Why?"]

    def test_the_first_question_that_was_changed_begins_the_session_again(self) -> None:
        house = House()
        first, _ = self.talk(house, "Why?", "When?")
        admitted = house.ask("Where?", rewind=Rewind(first, is_exact=True))
        assert (admitted.session.topic, admitted.session.context, self.asked(house)) == (1, (), [])
        claim = house.sessions.claims[-1]
        assert (claim.title, claim.topic_title, claim.expected_topic) == ("Where?", "Where?", 1)

    def test_the_running_answer_is_stopped_and_its_turn_is_gone(self) -> None:
        house = House()
        self.talk(house, "Why?")
        running = house.ask("When?")
        admitted = house.ask("When then?", rewind=Rewind(running.answer_id, is_exact=True))
        assert house.stopped == [running.answer_id]
        assert [turn.answer_id for turn in house.sessions.running.values()] == [admitted.answer_id]

    def test_of_two_at_once_the_later_one_is_all_that_is_left(self) -> None:
        sessions = Changing()
        house = House(sessions)
        _, second = self.talk(house, "Why?", "When?")
        again = Rewind(second, is_exact=True)
        meanwhile: list[Admission] = []
        sessions.happens = lambda: meanwhile.append(house.ask("When now?", rewind=again))
        admitted = house.ask("When then?", rewind=again)
        (other,) = meanwhile
        assert house.stopped == [other.answer_id]
        assert admitted.turn.instead_of == (second, other.answer_id)
        assert [turn.answer_id for turn in sessions.running.values()] == [admitted.answer_id]
        assert self.asked(house) == ["Why?"]

    def test_a_session_that_is_deleted_meanwhile_begins_anew(self) -> None:
        sessions = Changing()
        house = House(sessions)
        (first,) = self.talk(house, "Why?")

        def delete() -> None:
            sessions.sessions.clear()
            sessions.saved.clear()

        sessions.happens = delete
        admitted = house.ask("Why then?", rewind=Rewind(first, is_exact=True))
        assert (admitted.created, admitted.turn.instead_of, admitted.session.topics) == (
            True,
            (),
            (Topic(1, "Why then?", 0),),
        )

    def test_one_that_names_an_unknown_answer_replaces_nothing(self) -> None:
        house = House()
        self.talk(house, "Why?", "When?")
        admitted = house.ask("And?", rewind=Rewind("0" * 32, is_exact=True))
        assert len(admitted.session.context) == 2
        assert house.ask("Why?", "another session", rewind=Rewind()).created

    def test_only_the_latest_answers_are_named_in_whose_place_it_stands(self) -> None:
        house = House()
        (answer_id,) = self.talk(house, "Why?")
        for _ in range(PREDECESSORS + 1):
            admitted = house.ask("Why?", rewind=Rewind(answer_id, is_exact=True))
            answer_id = admitted.answer_id
        assert len(admitted.turn.instead_of) == PREDECESSORS


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

    def test_a_turn_is_running_when_it_is_admitted(self) -> None:
        admitted = House().ask("  Why\n blue? ", language="ko")
        turn = admitted.turn
        assert (turn.status, turn.language, turn.text) == ("running", "ko", "")
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

    def test_a_session_with_very_many_topics_stays_in_the_last_one(self) -> None:
        house = House()
        topics = tuple(Topic(number, "", 1) for number in range(1, SESSION_TOPICS + 1))
        house.sessions.sessions[ANN.key, "chat"] = Session("chat", SESSION_TOPICS, topics)
        for topic in ("new", "auto"):
            notice = house.ask("new: who won?", topic=topic).topic
            assert (notice.index, notice.drifted, notice.reopened) == (SESSION_TOPICS, False, False)

    def test_a_topic_begun_by_hand_is_named_by_its_first_question(self) -> None:
        house = House()
        house.sessions.sessions[ANN.key, "chat"] = Session("chat", 2, (Topic(1, "Skies", 3), Topic(2, "", 0)))
        assert house.ask("Who won?").topic.index == 2
        assert house.sessions.claims[0].topic_title == "Who won?"


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

    def test_it_isnt_kept_with_a_session_for_a_single_question(self) -> None:
        house = House()
        admitted = house.ask(session_id=make_single_use_id(), messages=self.conversation(2))
        assert admitted.session.context == (Exchange("Q0", "A0"), Exchange("Q1", "A1"))
        assert house.sessions.claims[0].seed == ()

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
    assert shorten_title(question) == title
