"""These tests show where sentences end, and which language a text is in."""

import time

import pytest

from qa_service.language.sentences import language_of, split_sentences


@pytest.mark.parametrize(
    "text",
    [
        "첫 문장입니다. 다음 문장이에요! 정말요?",
        'She said "Go." He went.  Then\n\nthe end',
        "\n\n  앞뒤 공백  \n",
        "a\tb\r\nc\td\r\n",
        "\ud800. \udfff",
        "",
    ],
)
def test_sentences_joined_are_the_text(text: str) -> None:
    assert "".join(split_sentences(text)) == text


def test_empty_text_has_no_sentences() -> None:
    assert split_sentences("") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("비가 옵니다. 우산을 쓰세요.", ["비가 옵니다. ", "우산을 쓰세요."]),
        ("비가 와요!! 정말요? 네.", ["비가 와요!! ", "정말요? ", "네."]),
        ('He said "Go." Then he left.', ['He said "Go." ', "Then he left."]),
        ("終わり。次は？「はい。」", ["終わり。", "次は？", "「はい。」"]),
        ("잠깐… 다시 볼게요.", ["잠깐… ", "다시 볼게요."]),
        ("앞 문단\n\n뒤 문단", ["앞 문단\n\n", "뒤 문단"]),
        (
            "7일 이내에 가능합니다.배송비는 고객이 부담합니다.",
            ["7일 이내에 가능합니다.", "배송비는 고객이 부담합니다."],
        ),
        ("**중요합니다.** 다음 문장입니다.", ["**중요합니다.** ", "다음 문장입니다."]),
        ("1. 냅니다. 2. 심사합니다. 3. 봅니다.", ["1. 냅니다. ", "2. 심사합니다. ", "3. 봅니다."]),
        ("2026. 3. 5. 시행합니다. 이후 바뀝니다.", ["2026. 3. 5. 시행합니다. ", "이후 바뀝니다."]),
        ("Refunds, vouchers etc. are listed. See there.", ["Refunds, vouchers etc. are listed. ", "See there."]),
        ("Wait... what? OK.", ["Wait... what? ", "OK."]),
        ('그는 "됩니다." 라고 했다. 끝.', ['그는 "됩니다." 라고 했다. ', "끝."]),
        ("It was 2024. Then it rose.", ["It was 2024. ", "Then it rose."]),
    ],
)
def test_sentence_ends_behind_its_sign_and_space(text: str, parts: list[str]) -> None:
    assert split_sentences(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "이율은 3.5%입니다.",
        "제 3.1 조에 따릅니다.",
        "Dr. Kim met J. Park.",
        "See Fig. 3 and No. 7, e.g. the last.",
        "Use v1.2.3 from https://example.com/a.html?b=1.2 now.",
        "wrapped\nline of text",
    ],
)
def test_dots_within_a_sentence_do_not_end_it(text: str) -> None:
    assert split_sentences(text) == [text]


def test_word_that_is_also_an_abbreviation_ends_a_sentence_where_no_number_follows() -> None:
    assert split_sentences("I said no. He agreed.") == ["I said no. ", "He agreed."]


@pytest.mark.parametrize("marker", ["- ", "• ", "1. ", "2) ", "가. ", "# ", "① ", "제3조 "])
def test_list_items_and_headings_stand_alone(marker: str) -> None:
    text = f"앞의 말\n{marker}항목 하나\n뒤의 말"
    assert split_sentences(text) == ["앞의 말\n", f"{marker}항목 하나\n", "뒤의 말"]


@pytest.mark.parametrize(
    "item",
    [
        "1. The deposit shall be paid before the first day and\namounts to 350 euros.",
        "가. 검수 기간은 납품한 날부터 칠일 이내로 하되 갑의 사정으로\n늦어지는 때에는 서면으로 알린다.",
        "제2조 압축기의 보증 기간은\n구입한 날부터 십년으로 한다.",
        "• 보증 기간은\n십년으로 한다.",
        "2) The contact for all questions about deposits and claims is\nMs Example in Hamburg.",
    ],
)
def test_a_list_item_goes_on_in_the_next_line(item: str) -> None:
    assert split_sentences(f"앞의 말\n{item}\n2. Pets need consent.") == [
        "앞의 말\n",
        f"{item}\n",
        "2. Pets need consent.",
    ]


def test_a_heading_with_a_number_ends_with_its_line() -> None:
    assert split_sentences("제1장 총칙\n이 규정은 모두에게 쓴다.") == ["제1장 총칙\n", "이 규정은 모두에게 쓴다."]
    assert split_sentences("2. Deposit\nThe deposit is 9 euros.") == ["2. Deposit\n", "The deposit is 9 euros."]


def test_rows_of_a_table_stand_alone() -> None:
    assert split_sentences("name | age\nKim | 40\nend") == ["name | age\n", "Kim | 40\n", "end"]


@pytest.mark.parametrize("piece", [".", "\n", "\n ", " ", "|", "\n- ", ".'", "1.", "(a", " -", "a.", "\t"])
def test_hostile_text_is_parted_in_linear_time(piece: str) -> None:
    text = piece * (32_000 // len(piece))
    started = time.thread_time()
    assert "".join(split_sentences(text)) == text
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("연차는 며칠인가요?", "ko"),
        ("How many days?", "en"),
        ("Kubernetes Deployment rollout 전략이 뭐야", "ko"),
        ("What does the Korean word 정 mean in this sentence?", "en"),
        ("", "en"),
        ("12345 !?", "en"),
    ],
)
def test_language_is_korean_where_hangul_is_a_good_part_of_the_letters(text: str, language: str) -> None:
    assert language_of(text) == language


def test_the_beginning_of_a_long_text_says_its_language() -> None:
    assert language_of("휴가는 며칠인가요? " * 500 + "word " * 100_000) == "ko"
