"""These tests show which sentences of an answer no source supports, in Korean and English."""

import time
from unicodedata import normalize

import pytest

from qa_service.citing import Evidence, collect_references
from qa_service.model import Passage
from qa_service.support import MOST_TOLD_SENTENCES, find_unsupported

PASSAGES = (
    Passage("f", "terms.pdf", "The battery is guaranteed for 24 months. Repairs take ten working days.", n=1),
    Passage("f", "약관.pdf", "환불은 결제일로부터 7일 이내에 신청할 수 있습니다. 배송비는 고객이 부담합니다.", n=2),
)


def unsupported(text: str) -> list[str]:
    references = collect_references(text, Evidence("s", PASSAGES))
    return [text[span.start : span.end] for span in find_unsupported(text, references, PASSAGES)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The battery is guaranteed for 24 months [1].", []),
        ("The battery is guaranteed for 24 months.", []),
        ("The battery is guaranteed for 36 months.", ["The battery is guaranteed for 36 months."]),
        ("Repairs take ten days [1]. Shipping abroad costs thirty euros.", ["Shipping abroad costs thirty euros."]),
        (
            "환불은 7일 이내에 신청할 수 있습니다. 교환은 매장에서 언제든지 가능합니다.",
            ["교환은 매장에서 언제든지 가능합니다."],
        ),
        ("환불은 30일 이내에 신청할 수 있습니다.", ["환불은 30일 이내에 신청할 수 있습니다."]),
        ("- 배송비는 고객이 부담합니다.\n- 포장비는 회사가 모두 부담합니다.", ["포장비는 회사가 모두 부담합니다."]),
        (
            "Dr. Kim repairs 3.5 batteries daily, e.g. on Mondays.",
            ["Dr. Kim repairs 3.5 batteries daily, e.g. on Mondays."],
        ),
        ('He said "shipping abroad is free." Repairs take ten working days.', ['He said "shipping abroad is free."']),
        ("보증 기간은 24개월입니다[1]. 그 뒤에는 수리비가 청구됩니다[2].", []),
    ],
)
def test_a_sentence_without_a_source_and_without_a_passage_that_says_it_is_found(text: str, found: list[str]) -> None:
    assert unsupported(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Would you like to know more about shipping abroad?",
        "다른 나라로 보내는 비용도 알려 드릴까요?",
        "# Shipping abroad and customs duties",
        "These are the rules for shipping abroad:",
        "The document doesn't say what shipping abroad costs.",
        "No information about customs duties was found here.",
        "해외 배송 요금은 문서에 나와 있지 않습니다.",
        "제공된 자료에서는 관세에 관한 내용을 찾을 수 없습니다.",
        "```\nshipping = compute_customs_duties(country, weight)\n```",
        "Of course.",
        "Please let me know if anything about foreign parcels remains unclear.",
        "궁금한 점이 더 있으시면 언제든지 편하게 말씀해 주세요.",
        "좋은 질문을 자세히 남겨 주셔서 감사합니다.",
        "",
    ],
)
def test_what_claims_nothing_needs_no_support(text: str) -> None:
    assert unsupported(text) == []


def test_other_forms_of_the_same_letters_are_the_same() -> None:
    assert unsupported(normalize("NFD", "배송비는 고객이 부담합니다.")) == []
    assert unsupported("Ｒｅｐａｉｒｓ ｔａｋｅ ｔｅｎ ｗｏｒｋｉｎｇ ｄａｙｓ.") == []


def test_without_passages_nothing_is_looked_for() -> None:
    assert find_unsupported("Shipping abroad costs thirty euros.", (), ()) == ()


def test_places_are_counted_in_code_points_of_the_whole_text() -> None:
    text = "👍🏽 좋습니다!\n\n배송비는 고객이 부담합니다. 포장비는 회사가 모두 부담합니다."
    assert unsupported(text) == ["포장비는 회사가 모두 부담합니다."]


@pytest.mark.parametrize(
    "piece", ["Shipping abroad costs thirty euros. ", "no ", "file ", "가나다 ", "1. ", "not say "]
)
def test_the_longest_answer_costs_little_and_few_are_told(piece: str) -> None:
    passages = PASSAGES * 30
    began = time.thread_time()
    assert len(find_unsupported(piece * (256_000 // len(piece)), (), passages)) <= MOST_TOLD_SENTENCES
    assert time.thread_time() - began < 3
