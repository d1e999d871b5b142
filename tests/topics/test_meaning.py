"""These tests show what is compared by meaning, and what whole conversations feel like."""

from collections import Counter
from functools import cache

import pytest

from benchmarks.conversations import Decision, play_conversation, read_conversations
from qa_service.language.encoder import load_encoder
from qa_service.model import EarlierTopic, Exchange, Meaning, Session, Topic
from qa_service.search_interfaces import Encoder
from qa_service.stores.sessions import WITH_MEANING
from qa_service.topics import meaning
from qa_service.topics.choosing import choose_detector, choose_memory
from qa_service.topics.detector import LearnedDrift
from qa_service.topics.meaning import RECENT_QUESTIONS, MeaningScorer, compare_meaning, recall_meaning
from qa_service.topics.weights import load_weights
from tests.fakes import FakeEncoder


@pytest.fixture(scope="module")
def detector() -> LearnedDrift:
    return choose_detector(load_encoder())


def known(question: str, text: str) -> Exchange:
    """Return an exchange as it is stored."""
    return Exchange(question, text, recall_meaning(load_encoder(), question, text))


@cache
def refund() -> tuple[Exchange, ...]:
    return (
        known("운동화를 환불하고 싶어요", "마이페이지에서 환불을 신청하세요."),
        known("며칠 걸려요?", "3일 걸립니다."),
    )


@cache
def seats() -> tuple[Exchange, ...]:
    return (
        known("열람실 자리는 어떻게 잡아요?", "앱에서 자리를 고르세요."),
        known("밤에도 열어요?", "11시까지 엽니다."),
    )


def session(current: tuple[Exchange, ...], earlier: tuple[Exchange, ...] = ()) -> Session:
    """Return a session in its second topic, or in its only one."""
    if not earlier:
        return Session("s", 1, (Topic(1, "", 2),), context=current)
    topics = (Topic(1, "", 2), Topic(2, "", 2))
    return Session("s", 2, topics, context=current, earlier=(EarlierTopic(1, earlier),))


class TestVectors:
    def test_a_stored_exchange_is_compared_without_encoding_it_again(self) -> None:
        class Counting(FakeEncoder):
            encoded: list[str] = []  # noqa: RUF012 - the test reads it

            def encode_texts(self, texts):
                self.encoded.extend(texts)
                return super().encode_texts(texts)

        encoder = Counting()
        exchange = Exchange("Where?", "There.", recall_meaning(encoder, "Where?", "There."))
        encoder.encoded.clear()
        compare_meaning(encoder, "Why?", [exchange])
        assert encoder.encoded == ["Why?"]

    def test_an_exchange_without_vectors_is_encoded_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recalled: list[str] = []

        def recall(encoder: Encoder, question: str, text: str) -> Meaning:
            recalled.append(question)
            return recall_meaning(encoder, question, text)

        monkeypatch.setattr(meaning, "recall_meaning", recall)
        weights = load_weights("meaning")
        assert weights.meaning
        score = MeaningScorer(weights, weights.meaning, load_encoder())
        first, again = (score("Why?", [Exchange("Where?", "There.")]) for _ in range(2))
        assert first.numbers == again.numbers
        assert recalled == ["Where?"]

    def test_vectors_of_another_encoder_are_made_anew(self) -> None:
        stored = Exchange("Where?", "There.", recall_meaning(load_encoder(), "Where?", "There."))
        bare = Exchange("Where?", "There.")
        told = [compare_meaning(FakeEncoder(), "Where?", [each]).numbers() for each in (stored, bare)]
        assert told[0] == told[1]
        assert told[0]["near last question"] == pytest.approx(1, abs=0.01)

    def test_a_question_that_is_remembered_is_followed_by_no_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recall_meaning(load_encoder(), "Where?", "There.")
        pauses: list[float] = []
        monkeypatch.setattr("qa_service.pause.time.sleep", pauses.append)
        recall_meaning(load_encoder(), "Where?", "There.")
        assert len(pauses) == 1

    def test_an_answer_without_text_has_no_vector(self) -> None:
        assert recall_meaning(FakeEncoder(), "Where?", "  ").answer == b""

    def test_the_weights_belong_to_the_encoder_that_is_locked(self) -> None:
        assert load_weights("meaning").encoder == load_encoder().name

    def test_an_encoder_without_weights_leaves_the_words(self) -> None:
        question, talk = "열람실은 어디예요?", session(refund())
        assert choose_detector(FakeEncoder()).judge_topic(question, talk, {}) == LearnedDrift().judge_topic(
            question, talk, {}
        )

    def test_without_an_encoder_nothing_is_remembered(self) -> None:
        assert choose_memory(None)("Where?", "There.") is None


class TestFiles:
    @pytest.mark.parametrize("question", ["Who repairs the roof after a storm?"])
    def test_a_question_that_the_files_answer_stays(self, detector: LearnedDrift, question: str) -> None:
        talk = session((known("What is the monthly rent?", "The rent is 20 pounds."),))
        assert detector.judge_topic(question, talk, {}).drifted
        assert not detector.judge_topic(question, talk, {1: 0.6}).drifted

    def test_files_that_say_nothing_change_nothing(self, detector: LearnedDrift) -> None:
        talk = session(refund())
        assert detector.judge_topic("왜요?", talk, {1: 0.0}) == detector.judge_topic("왜요?", talk, {})

    def test_the_files_of_an_earlier_topic_bring_a_question_back_to_it(self, detector: LearnedDrift) -> None:
        question, talk = "사이즈가 안 맞으면 어떻게 하나요?", session(seats(), refund())
        assert detector.judge_topic(question, talk, {1: 0.9}).reopened == 1


class TestReopening:
    @pytest.mark.parametrize(
        "question", ["아까 운동화 환불 말인데, 상자를 버렸어도 되나요?", "운동화 환불 신청은 전화로도 되나요?"]
    )
    def test_a_question_that_comes_back_finds_its_topic(self, detector: LearnedDrift, question: str) -> None:
        drift = detector.judge_topic(question, session(seats(), refund()), {})
        assert (drift.drifted, drift.reopened) == (False, 1)

    @pytest.mark.parametrize("question", ["얼마나 걸려요?", "왜요?", "그건 며칠 전에 해야 돼요?", "주말에는요?"])
    def test_a_follow_up_stays_although_it_would_fit_the_earlier_topic(
        self, detector: LearnedDrift, question: str
    ) -> None:
        drift = detector.judge_topic(question, session(seats(), refund()), {})
        assert (drift.drifted, drift.reopened) == (False, 0)

    def test_words_alone_find_an_earlier_topic_too(self) -> None:
        drift = LearnedDrift().judge_topic("아까 운동화 환불 말인데, 상자는요?", session(seats(), refund()), {})
        assert drift.reopened == 1


@pytest.mark.parametrize(
    "question",
    [
        "새 질문. 주차장은 어디에 있나요?",
        "On another note, who approves parental leave?",
        "근데 갑자기 궁금한데 독감 예방접종은 언제 하나요?",
        "And one different question: where is the swimming pool?",
    ],
)
def test_a_word_that_joins_sentences_is_no_tie_where_a_change_is_announced(
    detector: LearnedDrift, question: str
) -> None:
    assert detector.judge_topic(question, session(refund()), {}).drifted


@cache
def play_all() -> list[Decision]:
    encoder = load_encoder()
    detector = choose_detector(encoder)
    return [each for one in read_conversations() for each in play_conversation(one, detector, encoder)]


class TestConversations:
    def test_none_is_cut_off_and_no_earlier_subject_is_gone(self) -> None:
        assert [each for each in play_all() if each.outcome in ("cut", "gone")] == []

    def test_most_decisions_feel_right(self) -> None:
        outcomes = Counter(each.outcome for each in play_all())
        assert outcomes["right"] / outcomes.total() >= 0.87

    def test_there_are_enough_of_each_kind(self) -> None:
        conversations = read_conversations()
        assert len(conversations) >= 30
        assert {len(one["turns"]) for one in conversations} == {8}
        assert {one["lang"] for one in conversations} == {"ko", "en"}
        assert {one["setting"] for one in conversations} == {
            "shop",
            "clinic",
            "handbook",
            "library",
            "software",
            "office",
        }


def test_exchanges_that_a_question_is_compared_with_are_loaded_with_their_vectors() -> None:
    # A question that would begin a topic is compared with the first exchange, too, and with the last ones before those.
    assert WITH_MEANING == RECENT_QUESTIONS + RECENT_QUESTIONS - 1
