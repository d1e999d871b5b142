"""Cues that announce a topic or lean on the last one are told from words that only look like them."""

import time

import pytest

from qa_service.language.cues import TIES, announces_return, find_cues, remove_announcement
from qa_service.language.forms import find_form_words

pytestmark = pytest.mark.usefixtures("no_collections")


@pytest.mark.parametrize(
    "question",
    [
        "다른 질문인데요, 주차 요금은 얼마예요?",
        "그건 그렇고 주차 요금은 얼마예요?",
        "그나저나 주차 요금은?",
        "주제를 바꿔서 주차 요금을 물어볼게요",
        "관련 없는 질문이지만 주차 요금은?",
        "By the way, how much is parking?",
        "Unrelated: how much is parking?",
        "I have a different question. How much is parking?",
        "Let's change the topic: how much is parking?",
        "Anyway, how much is parking?",
        "ところで、駐車料金は？",
    ],
)
def test_spoken_markers_are_found(question: str) -> None:
    assert remove_announcement(question)[1] != "none"


@pytest.mark.parametrize(
    "question",
    [
        "이 질문의 답을 다시 말해줘",
        "What is the main topic of chapter two?",
        "다른 방법도 있나요?",
        "on the way by bus",
    ],
)
def test_words_near_a_marker_are_none(question: str) -> None:
    assert remove_announcement(question)[1] == "none"


def test_marker_is_taken_out_of_the_question() -> None:
    rest, _ = remove_announcement("그건 그렇고, 비용은?")
    assert rest.strip(" ,") == "비용은?"
    assert not set(find_cues(rest)) & set(TIES)


@pytest.mark.parametrize(
    ("question", "cue"),
    [
        ("그건 얼마야?", "pronoun"),
        ("거기는 몇 시까지 해?", "pronoun"),
        ("그 사람은 누구야?", "pronoun"),
        ("How much does it cost?", "pronoun"),
        ("방금 말한 내용이 맞나요?", "back"),
        ("Explain the second one", "back"),
        ("그럼 반차는?", "joining"),
        ("What about children?", "joining"),
        ("더 알려줘", "more"),
        ("Tell me more", "more"),
        ("표로 정리해줘", "transform"),
        ("영어로 번역해줘", "transform"),
        ("shorter please", "transform"),
        ("in English", "transform"),
        ("정말이야?", "doubt"),
        ("Are you sure?", "doubt"),
        ("それを要約して", "transform"),
    ],
)
def test_words_that_lean_on_what_was_said_are_found(question: str, cue: str) -> None:
    assert cue in find_cues(question)


@pytest.mark.parametrize(
    "question",
    [
        "그래프 모양은 어때",
        "그룹 회원은 누구야",
        "그림 도구 추천",
        "저기압 원리",
        "여기저기압",
        "Italy population",
        "Hermit crab food",
        "thistle flowers",
        "Moreover Street",
    ],
)
def test_words_that_only_begin_like_a_pronoun_are_no_tie(question: str) -> None:
    assert not set(find_cues(question)) & set(TIES)


def test_a_cue_says_where_it_begins() -> None:
    assert find_cues("Is it free?")["pronoun"] == 3


@pytest.mark.parametrize("question", ["WHAT ABOUT İZMİR?", "İzmir: What About it?", "İİİ what about it"])
def test_cues_are_found_where_they_stand_whatever_their_case(question: str) -> None:
    assert find_cues(question)["joining"] == max(question.find("What"), question.find("what"), 0)


def test_what_is_not_the_marker_stays_as_it_was_written() -> None:
    assert remove_announcement("İzmir! By The Way, Is BUSAN far?") == ("İzmir!  , Is BUSAN far?", "aside")


def test_the_first_of_two_markers_is_taken_whatever_its_language() -> None:
    assert remove_announcement("그나저나 by the way 날씨는?")[0] == "  by the way 날씨는?"
    assert remove_announcement("By the way, 그나저나 날씨는?")[0] == " , 그나저나 날씨는?"


def test_form_is_little_words_and_the_first_word() -> None:
    marks = find_form_words("What's the capital of Peru?")
    assert {"^what's", "the", "of"} <= marks
    assert "peru" not in marks
    assert find_form_words("수도는 어디에 있나요") == {"어디에", "있나요"}


@pytest.mark.parametrize("piece", ["그 ", "it ", "다른 ", "the ", " ", "있나요", "a '"])
def test_hostile_question_costs_little(piece: str) -> None:
    question = piece * (32_000 // len(piece))
    started = time.thread_time()
    find_cues(question)
    remove_announcement(question)
    find_form_words(question)
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize(
    "question",
    [
        "Back to the desk: does it come with a tray?",
        "Going back to my prescription, can you post it?",
        "As I asked before, is it free?",
        "About the address again: does my car need one too?",
        "아까 환불 말인데, 상자를 버렸어도 되나요?",
        "재택근무 얘기로 돌아가서, 해외에서도 되나요?",
        "다시 이어폰 얘기인데요",
    ],
)
def test_a_return_to_an_earlier_subject_is_found(question: str) -> None:
    assert announces_return(question)


@pytest.mark.parametrize(
    "question",
    ["Can I come earlier?", "Can I go to the pool?", "Is it back in stock?", "다시 보내 주세요", "처음 가입하는데요"],
)
def test_words_near_a_return_are_none(question: str) -> None:
    assert not announces_return(question)


@pytest.mark.parametrize(
    ("question", "announcement"),
    [
        ("새 질문. 카드를 바꾸고 싶어요.", "new subject"),
        ("딴 얘긴데, 에어컨은 누가 조절해요?", "new subject"),
        ("On another note, who approves leave?", "new subject"),
        ("Completely different thing: where is the pool?", "new subject"),
        ("근데 갑자기 궁금한데 주차는요?", "aside"),
        ("아 참, 주차는요?", "aside"),
        ("Before I forget, where do I park?", "aside"),
        ("새로운 카드는 언제 와요?", "none"),
        ("Is there another way?", "none"),
        ("갑자기 꺼져요", "none"),
    ],
)
def test_an_announcement_says_how_clear_it_is(question: str, announcement: str) -> None:
    assert remove_announcement(question)[1] == announcement
