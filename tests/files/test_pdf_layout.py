"""The order of a page's pieces, and how its lines are joined. Places are made up, so that no PDF is needed."""

import time
from collections.abc import Sequence
from random import Random

import pytest

from qa_service.files.pdf_columns import order_pieces
from qa_service.files.pdf_glyphs import Glyph, Run
from qa_service.files.pdf_joints import Vocabulary
from qa_service.files.pdf_lines import Piece, make_pieces
from qa_service.files.pdf_paragraphs import write_blocks

HEIGHT, LEAD = 10.0, 12.0
LEFT = [
    "The library opens at nine and",
    "closes at six. Children need a",
    "card of their own, which costs",
    "nothing until they are twelve.",
]
RIGHT = [
    "Books may be kept for four weeks",
    "and films for one. Whoever keeps",
    "them longer pays a small fee for",
    "each day that has begun by then.",
]
THIRD = [
    "Rooms on the second floor are",
    "free for groups that book them",
    "a day before, by telephone or",
    "at the desk near the entrance.",
]


def piece(text: str, left: float, base: float, order: int = 0, **fields: object) -> Piece:
    width = sum(10.0 if "가" <= sign <= "힣" else 5.0 for sign in text)
    return Piece(text, left, left + width, base, HEIGHT, order, **fields)


def column(texts: Sequence[str], left: float, top: float = 700, first: int = 0) -> list[Piece]:
    return [piece(text, left, top - LEAD * n, first + n) for n, text in enumerate(texts)]


def written(pieces: Sequence[Piece]) -> str:
    return write_blocks(order_pieces(pieces), Vocabulary())


def ordered(pieces: Sequence[Piece]) -> list[str]:
    return [text for block in order_pieces(pieces) for text in written(block).splitlines() if text]


def shuffled(pieces: Sequence[Piece]) -> list[Piece]:
    orders = [*range(len(pieces))]
    Random(7).shuffle(orders)
    return [piece(one.text, one.left, one.base, order) for one, order in zip(pieces, orders, strict=True)]


TWO = [*column(LEFT, 50), *column(RIGHT, 250, first=4)]
THREE = [*column(LEFT, 50), *column(RIGHT, 230, first=4), *column(THIRD, 420, first=8)]


class TestColumns:
    @pytest.mark.parametrize("pieces", [TWO, shuffled(TWO)])
    def test_two_columns_are_read_after_each_other(self, pieces: list[Piece]) -> None:
        assert ordered(pieces) == [*LEFT, *RIGHT]

    @pytest.mark.parametrize("pieces", [THREE, shuffled(THREE)])
    def test_three_columns_are_read_after_each_other(self, pieces: list[Piece]) -> None:
        assert ordered(pieces) == [*LEFT, *RIGHT, *THIRD]

    def test_a_heading_across_columns_parts_them(self) -> None:
        heading = "Rules of the public library for all who use it in the coming year"
        lower = [*column(THIRD, 50, 600, 9), *column(RIGHT, 250, 600, 13)]

        found = ordered([*TWO, piece(heading, 50, 630, 8), *lower])

        assert found == [*LEFT, *RIGHT, heading, *THIRD, *RIGHT]

    def test_a_footer_comes_last(self) -> None:
        assert ordered([piece("Page 7 of 9", 200, 50, 0), *TWO])[-1] == "Page 7 of 9"

    def test_columns_above_a_table_do_not_cut_the_table(self) -> None:
        cells = [
            piece(text, left, 600 - 20 * n) for n in range(3) for left, text in [(50, f"Fee {n}"), (250, f"{n} EUR")]
        ]

        assert ordered([*TWO, *cells])[8:] == ["Fee 0 | 0 EUR", "Fee 1 | 1 EUR", "Fee 2 | 2 EUR"]

    def test_labels_and_values_are_read_by_row(self) -> None:
        labels = [piece(f"Label {n}:", 50, 700 - 20 * n, n) for n in range(5)]
        values = [piece(f"value {n}", 250, 700 - 20 * n, 9 + n) for n in range(5)]

        assert ordered([*labels, *values]) == [f"Label {n}: | value {n}" for n in range(5)]

    def test_lines_that_are_drawn_from_below_come_from_above(self) -> None:
        assert ordered(column(LEFT, 50)[::-1]) == LEFT


class TestParagraphs:
    def test_a_wide_gap_begins_a_paragraph(self) -> None:
        pieces = [*column(LEFT, 50), *column(["Dogs stay out."], 50, 620)]

        assert written(pieces).split("\n\n") == ["\n".join(LEFT), "Dogs stay out."]

    def test_a_sentence_goes_on_in_the_next_column(self) -> None:
        left = [*LEFT[:3], "They pay from then on the same as"]
        right = ["grown-ups do, unless they go to", *RIGHT[1:]]

        assert "the same as\ngrown-ups do" in written([*column(left, 50), *column(right, 250, first=4)])

    @pytest.mark.parametrize(
        ("lines", "text"),
        [
            (["the man-", "ual of the pump"], "the manual of the pump"),
            (["article AB-", "77 of the list"], "article AB-77 of the list"),
            (["years 2023-", "2031 are over"], "years 2023-2031 are over"),
            (["the state-of-the-", "art pump"], "the state-of-the-art pump"),
            (["an e-", "mail to us"], "an e-mail to us"),
            (["Korea-", "USA flights"], "Korea-USA flights"),
            (["α2-", "integrin binds"], "α2-integrin binds"),
            (["a well-", "known one, a well-known two"], "a well-known one, a well-known two"),
            (["soft\u00ad", "Ware is rare"], "softWare is rare"),
            (["it stops -", "and goes on"], "it stops -\nand goes on"),
        ],
    )
    def test_a_hyphen_at_a_lines_end_goes_unless_the_word_has_it(self, lines: list[str], text: str) -> None:
        assert written(column(lines, 50)) == text


def korean(*texts: str, **fields: object) -> str:
    return written([piece(text, 50, 700 - LEAD * n, n, **fields) for n, text in enumerate(texts)])


class TestKorean:
    def test_a_word_goes_on_where_the_file_writes_no_space_at_the_end(self) -> None:
        pieces = [
            piece("계약금액의 백분의 삼으로 하고 납품할 때", 50, 700, ends_with_space=True, spaces=(5.0,)),
            piece("보증보험증권을 갑에게 제출하여야 하며 지체상", 50, 688),
            piece("금률은 따로 정한다.", 50, 676),
        ]

        lines = written(pieces).splitlines()

        assert lines[1] == "보증보험증권을 갑에게 제출하여야 하며 지체상금률은 따로 정한다."

    def test_lines_that_end_within_words_are_joined(self) -> None:
        text = korean(
            "보증보험증권을 계약할 때 제출하여",
            "야 하며 늦으면 계약을 해제한다. 지체상",
            "금률은 따로 정한다.",
            spaces=(5.0,),
        )

        assert text == "보증보험증권을 계약할 때 제출하여야 하며 늦으면 계약을 해제한다. 지체상금률은 따로 정한다."

    def test_only_what_cannot_begin_a_word_is_joined_behind_a_whole_word(self) -> None:
        lines = [
            "책은 다섯 권까지 빌리며 그 밖에도 다섯 권까지",
            "이 주 동안 빌릴 수 있고 고장을 안 임차인",
            "은 그날 알린다. 그 밖에 필요한 사항과 지체상",
            "금률은 정한다.",
        ]

        assert korean(*lines, spaces=(5.0,)) == f"{lines[0]}\n{''.join(lines[1:])}"

    def test_lines_that_end_between_words_are_not_joined(self) -> None:
        lines = [
            "설치는 평평한 바닥에 하여야 하며 호스는",
            "바닥에서 육십 센티미터 위에 두고 물은",
            "아래로 흐르게 한다.",
        ]

        assert korean(*lines, spaces=(5.0,)) == "\n".join(lines)

    def test_a_line_into_which_the_next_word_would_not_have_fitted_ends_between_words(self) -> None:
        lines = ["가나다라 마바사아 자차카타 파하가나다", "라마바 사아자 차카타 파하가", "나다라마바 사아자차."]

        assert korean(*lines, spaces=(5.0,), first_word=50.0) == "\n".join(lines)

    def test_a_heading_is_not_joined_with_what_follows(self) -> None:
        assert korean(
            "제1장 총칙", "이 규정은 모든 직원에게 적용하며 따로 정한 것은 그에 따른다.", spaces=(5.0,)
        ).startswith("제1장 총칙\n")


def test_time_is_linear_in_the_number_of_pieces() -> None:
    random = Random(3)
    pieces = [piece("word of prose here", random.uniform(0, 500), random.uniform(0, 700), n) for n in range(20_000)]
    began = time.process_time()

    written(pieces)

    assert time.process_time() - began < 5


def line(*words: tuple[str, float], width: float = 6) -> list[Run]:
    """Return the runs of a line. Each word has its left edge, and a Hebrew one runs to the left."""
    runs = list[Run]()
    for order, (word, left) in enumerate(words):
        is_hebrew = any("א" <= sign <= "ת" for sign in word)
        places = [left + width * number for number in range(len(word))]
        placed = zip(word, reversed(places) if is_hebrew else places, strict=True)
        glyphs = [Glyph(sign, (x, 700, x + width, 712)) for sign, x in placed]
        runs.append(Run(glyphs, "right", order, 700, 12))
    return runs


class TestLines:
    @pytest.mark.parametrize("order", [1, -1])
    def test_a_line_of_hebrew_is_read_to_the_left_and_its_numbers_and_names_to_the_right(self, order: int) -> None:
        runs = line(("היא ", 44), ("Pro ", 68), ("Max ", 92), ("אחריות ", 116), ("24 ", 158), ("היא", 176))

        (piece,) = make_pieces(runs[::order])

        assert piece.text == "היא 24 אחריות Pro Max היא"

    def test_brackets_that_are_named_by_their_looks_are_turned_in_such_a_line_alone(self) -> None:
        assert [piece.text for piece in make_pieces(line(("אחריות )היא(", 50)))] == ["אחריות (היא)"]
        assert [piece.text for piece in make_pieces(line(("a) only", 50)))] == ["a) only"]

    def test_gaps_of_korean_are_spaces_also_where_the_line_has_written_ones(self) -> None:
        runs = line(("보증", 50), ("기간은", 77.8), (" ", 113.8), ("이년", 117), width=12)

        assert [piece.text for piece in make_pieces(runs)] == ["보증 기간은 이년"]
