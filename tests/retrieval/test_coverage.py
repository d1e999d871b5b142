"""These tests show how much of a question the files of a session have words for."""

import pytest

from qa_service.model import Passage
from qa_service.retrieval.coverage import measure_coverage
from tests.fakes import FakeIndex

TEXTS = [
    "The pump starts when the valve opens.",
    "환불은 구매 후 7일 이내에 신청합니다.",
    "Dogs must be kept on a leash.",
]
INDEX = FakeIndex([Passage("f", "a.txt", text) for text in TEXTS])


@pytest.mark.parametrize(
    "question", ["When does the pump start?", "환불 신청은 언제 하나요?", "Is a leash needed for dogs?"]
)
def test_a_question_about_the_files_is_covered_by_four_tenths_and_more(question: str) -> None:
    assert measure_coverage(question, INDEX) >= 0.4


@pytest.mark.parametrize("question", ["Who won the world cup?", "오늘 날씨 어때?", "왜?", "", "And then?"])
def test_any_other_question_is_covered_by_less(question: str) -> None:
    assert measure_coverage(question, INDEX) < 0.2


def test_words_of_different_passages_do_not_add_up() -> None:
    assert measure_coverage("pump leash", INDEX) == pytest.approx(0.5)


def test_it_costs_one_look_up_and_few_tokens() -> None:
    asked: list[int] = []

    class Counting(FakeIndex):
        def look_up_words(self, words, most):
            asked.append(len(words := list(words)))
            return super().look_up_words(words, most)

    measure_coverage(" ".join(f"word{n}" for n in range(9000)), Counting([]))
    assert asked == [64]
