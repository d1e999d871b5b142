"""These tests show what the shipped detector decides about conversations of our own."""

import time

import pytest

from qa_service.model import Exchange, Session
from qa_service.topics.detector import LearnedDrift
from qa_service.topics.weights import Weights, load_weights

LEAVE = (
    Exchange(
        "연차 휴가는 어떻게 신청하나요?",
        "연차 휴가는 인사 시스템의 휴가 메뉴에서 신청하고, 팀장이 승인하면 확정됩니다. 늦어도 3일 전입니다.",
    ),
)
PASSPORT = (
    Exchange(
        "How do I renew my passport?",
        "You can renew it online or by mail. Fill in the form, add a photo and the fee, and wait six to eight weeks.",
    ),
    Exchange("Which photo size is accepted?", "The photo must be two by two inches, on a plain white background."),
)


@pytest.fixture(scope="module")
def detector() -> LearnedDrift:
    return LearnedDrift()


def _session(context: tuple[Exchange, ...]) -> Session:
    return Session("s", topic=1, context=context)


@pytest.mark.parametrize(
    "question",
    [
        "그럼 반차는?",
        "승인은 누가 해?",
        "왜?",
        "그건 언제까지 해야 돼?",
        "영어로 번역해줘",
        "표로 정리해 주세요",
        "더 자세히 알려줘",
        "연차가 며칠 남았는지 보려면?",
        "팀장이 승인하지 않으면 어떻게 되나요?",
        "그래프로 그려줘",
        "고마워!",
        "반차도 되나요?",
    ],
)
def test_korean_follow_up_stays(detector: LearnedDrift, question: str) -> None:
    assert not detector.judge_topic(question, _session(LEAVE), {}).drifted


@pytest.mark.parametrize(
    "question",
    [
        "How long does it take?",
        "What about children?",
        "Why?",
        "Can I pay the fee by card?",
        "Shorter, please",
        "and the background?",
        "Thanks!",
        "By the way, is it free?",
        "Tell me more",
        "Translate that into Korean",
        "ok, and for a lost one?",
    ],
)
def test_english_follow_up_stays(detector: LearnedDrift, question: str) -> None:
    assert not detector.judge_topic(question, _session(PASSPORT), {}).drifted


@pytest.mark.parametrize(
    "question",
    [
        "다른 질문인데요, 회사 주차장 요금은 얼마인가요?",
        "그건 그렇고, 오늘 서울 날씨 어때?",
        "화제를 바꿔서, 김치찌개 끓이는 법 알려줘",
        "By the way, what is the tallest mountain in Africa?",
        "Unrelated question: who wrote War and Peace?",
    ],
)
def test_announced_topic_is_new(detector: LearnedDrift, question: str) -> None:
    verdict = detector.judge_topic(question, _session(LEAVE), {})
    assert verdict.drifted
    assert "announced" in verdict.reasons


@pytest.mark.parametrize(
    "question",
    ["What's the best recipe for banana bread?", "Tell me about the history of the Roman Empire"],
)
def test_unannounced_topic_is_found_where_nothing_ties_it(detector: LearnedDrift, question: str) -> None:
    assert detector.judge_topic(question, _session(PASSPORT), {}).drifted


@pytest.mark.parametrize(
    ("shift", "follow_up"),
    [
        ("프랑스 혁명이 일어난 배경과 결과를 설명해 주세요.", "휴가 신청을 취소하는 방법을 설명해 주세요."),
        ("태양계에서 가장 큰 행성은 무엇인가요?", "휴가 메뉴에서 볼 수 있는 정보는 무엇인가요?"),
    ],
)
def test_korean_shift_scores_far_above_a_follow_up_of_the_same_form(
    detector: LearnedDrift, shift: str, follow_up: str
) -> None:
    session = _session(LEAVE)
    assert detector.judge_topic(shift, session, {}).score > detector.judge_topic(follow_up, session, {}).score + 0.4


@pytest.mark.parametrize("question", ["그건 그렇고, 비용은?", "By the way, the price?"])
def test_announcing_a_bare_word_is_no_new_topic(detector: LearnedDrift, question: str) -> None:
    assert not detector.judge_topic(question, _session(LEAVE), {}).drifted


def test_first_question_of_a_topic_never_drifts(detector: LearnedDrift) -> None:
    verdict = detector.judge_topic("다른 질문인데요, 날씨가 어때요?", Session("s"), {})
    assert (verdict.drifted, verdict.score, verdict.reasons) == (False, 0.0, ("no context",))


@pytest.mark.parametrize("question", ["", "   ", "?", "ㅋㅋ", "...", "\ud800"])
def test_question_without_words_stays(detector: LearnedDrift, question: str) -> None:
    assert not detector.judge_topic(question, _session(PASSPORT), {}).drifted


def test_question_in_another_script_stays_unless_it_says_so(detector: LearnedDrift) -> None:
    session = _session(LEAVE)
    assert not detector.judge_topic("What's the best recipe for banana bread?", session, {}).drifted
    assert detector.judge_topic("Different topic: what's the best recipe for banana bread?", session, {}).drifted


@pytest.mark.parametrize(
    ("question", "exchange"),
    [
        ("Combien ça coûte ?", Exchange("Comment renouveler mon passeport ?", "Vous pouvez le faire en ligne.")),
        ("Quels documents faut-il apporter ?", Exchange("Comment renouveler mon passeport ?", "En ligne.")),
        ("Was kostet das?", Exchange("Wie verlängere ich meinen Reisepass?", "Das geht im Bürgeramt.")),
        ("費用はいくらですか？", Exchange("パスポートの更新方法は？", "オンラインで申請できます。")),
        ("费用是多少？", Exchange("怎么换护照？", "可以在网上办理。")),
        ("Mất bao lâu?", Exchange("Làm sao để gia hạn hộ chiếu?", "Bạn có thể nộp đơn trực tuyến.")),
        ("كم يكلف ذلك؟", Exchange("كيف أجدد جواز السفر؟", "يمكنك التجديد عبر الإنترنت.")),
    ],
)
def test_follow_up_in_another_language_stays(detector: LearnedDrift, question: str, exchange: Exchange) -> None:
    assert not detector.judge_topic(question, _session((exchange,)), {}).drifted


def test_score_is_a_share_and_the_threshold_decides() -> None:
    strict = LearnedDrift(Weights(bias=-30, threshold=0.5, weights={}))
    verdict = strict.judge_topic("What's the best recipe for banana bread?", _session(PASSPORT), {})
    assert (verdict.drifted, 0 <= verdict.score < 1e-9) == (False, True)
    eager = LearnedDrift(Weights(bias=30, threshold=0.5, weights={}))
    assert eager.judge_topic("How long does a visa take?", _session(PASSPORT), {}).drifted


def test_shipped_weights_are_careful() -> None:
    assert 0.5 < load_weights("words").threshold < 1


def test_long_conversation_costs_few_milliseconds(detector: LearnedDrift) -> None:
    text = "여권 갱신 and renewal of passports, 2,000 ways. " * 42
    session = _session((Exchange(text[:80], text[:2000]),) * 20)
    assert _fastest(detector, "그럼 사진은 어떤 크기로 준비해야 하나요?", session) < 0.004


@pytest.mark.parametrize(
    "piece", [".", "가", "그 ", "it ", "a", " ", "다른 질문 ", "A ", "1,", "\ud800", "은는이가 ", "들이"]
)
def test_hostile_question_costs_less_than_20_milliseconds(detector: LearnedDrift, piece: str) -> None:
    text = piece * (32_000 // len(piece))
    assert _fastest(detector, text, _session((Exchange(text, text),) * 4)) < 0.02


def _fastest(detector: LearnedDrift, question: str, session: Session) -> float:
    """Return the seconds of this thread's own work. It is the best of five, so that a busy machine doesn't decide."""
    times = []
    for _ in range(5):
        started = time.thread_time()
        detector.judge_topic(question, session, {})
        times.append(time.thread_time() - started)
    return min(times)
