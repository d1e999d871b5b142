"""Passages partition a page."""

import random
from itertools import accumulate

import pytest

from qa_service.language.sentences import split_sentences
from qa_service.retrieval.splitting import LONGEST_PASSAGE, estimate_tokens, split_passages

KOREAN = "근로자는 1년에 15일의 연차휴가를 쓸 수 있다. 다만 1년 미만인 사람은 한 달에 하루를 쓴다.\n"
ENGLISH = "Employees may take fifteen days of leave. New ones take a day a month, as Mr. Kim explains.\n\n"


@pytest.mark.parametrize(
    "text",
    ["", " ", "짧다.", KOREAN * 100, ENGLISH * 100, "a" * 5_000, "\n" * 3_000, "낱말 " * 3_000, "| a | b |\n" * 500],
)
def test_passages_joined_are_the_page_and_none_is_too_long(text: str) -> None:
    passages = split_passages(text)

    assert "".join(passages) == text
    assert all(0 < len(passage) <= LONGEST_PASSAGE for passage in passages)


def test_any_text_at_all_is_partitioned() -> None:
    chance = random.Random(7)
    for _ in range(200):
        text = "".join(chance.choices("가나다라 abc.!?\n\t。|-", k=chance.randrange(4_000)))
        assert "".join(split_passages(text)) == text


@pytest.mark.parametrize("text", [KOREAN * 100, ENGLISH * 100, (KOREAN + ENGLISH) * 40])
def test_prose_is_cut_at_the_ends_of_sentences_into_passages_of_like_length(text: str) -> None:
    passages = split_passages(text)

    ends = set(accumulate(map(len, split_sentences(text))))
    assert set(accumulate(map(len, passages))) <= ends
    assert all(len(passage) >= 400 for passage in passages)


def test_a_paragraphs_end_is_preferred() -> None:
    paragraph = "One short sentence here. " * 22 + "The end.\n\n"

    assert split_passages(paragraph * 4) == [paragraph] * 4


def test_a_page_that_fits_is_one_passage() -> None:
    assert split_passages(KOREAN * 10) == [KOREAN * 10]


def test_a_sentence_without_end_is_cut_between_words() -> None:
    assert all(passage.endswith(" ") for passage in split_passages("낱말 " * 3_000))


PROSE = {
    "English": (
        "Refunds may be requested within seven days of payment. After that, the shop only exchanges goods.",
        20,
    ),
    "Korean": ("환불은 결제일로부터 칠 일 이내에 신청할 수 있으며 배송비는 고객이 부담합니다.", 26),
    "a table": ("12번 | 수수료 14,400원 | 2026-04-12 | 접수완료\n" * 9, 225),
    "numbers": ("7919.12,15838.24,23757.36,31676.48\n" * 9, 180),
}
"""These are texts, and the number of tokens that OpenAI's vocabulary `o200k` makes of each."""


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("가나다", 3), ("\ud800", 1)])
def test_a_text_has_at_least_a_token_where_it_has_a_letter(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(("text", "tokens"), PROSE.values(), ids=PROSE)
def test_the_estimate_of_tokens_is_hardly_ever_too_low_and_not_much_too_high(text: str, tokens: int) -> None:
    assert 0.95 * tokens <= estimate_tokens(text) <= 1.6 * tokens
