"""These tests show what a question is searched by: its tokens, those of the questions before it, synonyms, and its
vector."""

import struct

import pytest

from qa_service.retrieval.synonyms import Synonyms
from qa_service.retrieval.terms import build_terms
from tests.fakes import FakeEncoder

SYNONYMS = Synonyms("# words of the shop\n환불, 반품, refund\nopening hours, 영업시간\nalone\n")


def numbers(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 2}e", vector)


def test_function_words_are_not_searched_for() -> None:
    assert set(build_terms("What is the fee of it?").weights) == {"fee"}


def test_a_question_of_nothing_else_keeps_them() -> None:
    assert build_terms("Who is it?").weights


def test_earlier_questions_weigh_less_and_take_nothing_from_the_new_one() -> None:
    weights = build_terms("And the fee?", ["hours and fee", "leash", "dogs"]).weights
    assert (weights["fee"], weights["leash"], weights["dog"]) == (1, 0.25, 0.25)
    assert "hour" not in weights


def test_the_vector_leans_towards_the_earlier_question() -> None:
    encoder = FakeEncoder()
    alone, mixed = (build_terms("fee", earlier, encoder).vector for earlier in ((), ("leash",)))
    (leash,) = encoder.encode_texts(["leash"])
    assert alone == encoder.encode_texts(["fee"])[0]
    products = [sum(map(float.__mul__, numbers(leash), numbers(vector))) for vector in (alone, mixed)]
    assert products[0] == 0
    assert 0.2 < products[1] < 0.3
    assert sum(number**2 for number in numbers(mixed)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("question", "token"),
    [("반품은 언제까지?", "환불"), ("환불 기간", "refund"), ("refund?", "반품"), ("영업시간은?", "open")],
)
def test_a_synonym_is_searched_for_at_half_the_weight(question: str, token: str) -> None:
    assert build_terms(question, synonyms=SYNONYMS).weights[token] == 0.5


def test_half_a_phrase_has_no_synonym() -> None:
    assert "영업" not in build_terms("opening of the shop", synonyms=SYNONYMS).weights
