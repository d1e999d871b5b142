"""HTML is read as somebody sees it who looks at the page."""

import time

import pytest

from qa_service.files.hypertext import read_html
from qa_service.files.segment import RawFile


def sections(text: str) -> list[tuple[str, str]]:
    return [(segment.section, segment.text) for segment in read_html(RawFile(text.encode()))]


def read(text: str) -> str:
    return "".join(segment.text for segment in read_html(RawFile(text.encode()))).removesuffix("\n\n")


def test_headings_begin_sections_and_the_title_names_what_stands_before() -> None:
    text = "<title>회사 안내</title><p>앞 <b>글</b></p><h1>제1장\n <i>휴가</i></h1><p>15일</p><h2></h2>끝"

    assert sections(text) == [
        ("회사 안내", "앞 글\n\n"),
        ("제1장 휴가", "제1장 휴가\n15일\n\n"),
        ("제1장 휴가", "끝\n\n"),
    ]


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>no</script>",
        "<style>no</style>",
        "<template>no</template>",
        "<!-- no -->",
        "<svg><title>no</title><defs><text>no</text></defs></svg>",
        "<p hidden>no</p>",
        "<p style='color:red; Display : none'>no</p>",
        "<div style='visibility:hidden'><p>no</p></div>",
        "<p style='font-size:0'>no</p><p style='opacity: 0;'>no</p>",
        "<dialog>no</dialog>",
        "<input type=hidden value=no><input type=password value=no>",
        "<img alt=no>",
    ],
)
def test_what_nobody_sees_is_left_out(unseen: str) -> None:
    assert read(f"<body>a{unseen}") == "a"


@pytest.mark.parametrize(
    "seen",
    ["<p style='font-size:0.9em'>b</p>", "<p style='opacity:0.5'>b", "<dialog open>b", "<p hidden=until-found>b"],
)
def test_what_only_looks_hidden_is_read(seen: str) -> None:
    assert read(f"a{seen}") == "a\nb"


class TestLists:
    def test_items_have_the_numbers_that_a_browser_shows(self) -> None:
        text = "<ol><li>a<li><p>b</p><li value=7>c</ol><ol start=3 type=i><li>d</ol><ol reversed><li>e<li>f</ol>"

        assert read(text) == "1. a\n2. b\n7. c\niii. d\n2. e\n1. f"

    def test_a_list_within_a_list_counts_for_itself(self) -> None:
        text = "<ol><li>a<ol type=A start=27><li>b</ol><li>c<ul><li>d</ul><li><ol><li>e</ol><li></ol><li>f"

        assert read(text) == "1. a\nAA. b\n2. c\n- d\n3. 1. e\n- f"

    @pytest.mark.parametrize("start", ["x", "", "-", "9999999999999999999999", "²"])
    def test_a_start_that_is_no_number_is_one(self, start: str) -> None:
        assert read(f"<ol start='{start}'><li>a</ol>") == "1. a"


class TestTables:
    def test_a_row_is_a_line(self) -> None:
        text = "<table><tr><th>근속</th><th>일수</th></tr><tr><td>1년</td><td><p>15일</p><p>유급</p></td></tr></table>"

        assert read(text) == "근속 | 일수\n1년 | 15일 유급"

    def test_a_cell_over_several_rows_stands_in_each_and_one_over_several_columns_keeps_the_others_in_place(
        self,
    ) -> None:
        text = (
            "<table><tr><td rowspan=2>서울<td>a<td rowspan=3>1<tr><td>b<tr><td colspan=2>계</table>"
            "<table><tr><td colspan=99999>x<td rowspan=99999999>y<tr><td>z</table>"
        )

        assert read(text).splitlines()[:3] == ["서울 | a | 1", "서울 | b | 1", "계 |  | 1"]
        assert len(read(text)) < 2_000

    def test_empty_cells_and_rows_leave_no_trace(self) -> None:
        text = "<table><tr><td></td><td>a</td><td></td><td> </td></tr><tr><td>  </td></tr></table> <p> </p> <p>b</p>"

        assert read(text) == " | a\nb"

    @pytest.mark.parametrize("names", ["<tr><th>Depot<th>Fee", "<tr><td>Depot<td>Fee", "<thead><tr><th>Depot<th>Fee"])
    def test_in_a_long_table_each_value_stands_after_the_name_of_its_column(self, names: str) -> None:
        rows = "".join(f"<tr><td>Place {number}<td>{number} EUR" for number in range(200))

        parts = sections(f"<h1>Fees</h1>before<table>{names}{rows}</table>after")

        assert len(parts) > 3
        assert {section for section, _ in parts} == {"Fees"}
        assert "".join(text for _, text in parts).count("Depot: Place 150 | Fee: 150 EUR\n") == 1
        assert parts[0][1].startswith("Fees\nbefore\nDepot | Fee\nDepot: Place 0 |")
        assert parts[-1][1].endswith("EUR\nafter\n\n")

    def test_a_name_over_several_columns_names_each_of_them(self) -> None:
        rows = "".join(f"<tr><td>Place {number}<td>{number}<td>{number + 1}" for number in range(200))
        names = "<tr><th rowspan=2>Depot<th colspan=2>Fee<tr><th>opening<th>closing"

        assert "Depot: Place 9 | Fee opening: 9 | Fee closing: 10\n" in read(f"<table>{names}{rows}</table>")

    @pytest.mark.parametrize("first", ["<th>Depot<td>Fee", "<td>1<td>Fee", "<td><td>Fee"])
    def test_a_first_row_that_names_no_columns_is_not_repeated(self, first: str) -> None:
        rows = "".join(f"<tr><td>Place {number}<td>{number} EUR" for number in range(200))

        assert read(f"<table><tr>{first}{rows}</table>").count("Fee") == 1

    def test_a_table_that_arranges_the_page_is_no_table(self) -> None:
        text = "<table><tr><td><p>menu</p><td><h1>Fees</h1><p>a</p><p>b</p><table><tr><td>1<td>2</table></table>"

        assert sections(text) == [("", "menu\n\n"), ("Fees", "Fees\na\nb\n1 | 2\n\n")]

    def test_cells_around_another_table_stay_apart(self) -> None:
        text = "<table><tr><th>품목<th>값<tr><td>펌프<td>120원<tr><td>밸브<td><table><tr><td>1<td>2</table></table>끝"

        assert read(text) == "품목\n값\n펌프\n120원\n밸브\n1 | 2\n끝"

    def test_a_row_of_many_empty_cells_takes_no_more_time_than_it_is_long(self) -> None:
        began = time.thread_time()

        assert read(f"<table><tr>{'<td></td>' * 60_000}<td>a</td></tr></table>").endswith("a")
        assert time.thread_time() - began < 2


class TestSigns:
    def test_verbatim_text_keeps_its_lines(self) -> None:
        assert read("<pre>a\n  <b>b</b></pre>c<br>d\ne  <code>f\ng</code>") == "a\n  b\nc\nd e f g"

    def test_a_raised_number_stays_apart_from_the_number_before_it(self) -> None:
        assert read("10<sup>6</sup> m<sup>-2</sup> 300<sup><a>1</a></sup> 1<sup>st</sup>") == "10⁶ m⁻² 300¹ 1st"

    def test_lowered_numbers_and_readings_are_no_part_of_what_they_stand_at(self) -> None:
        assert read("H<sub>2</sub>O x<sub>max</sub>") == "H₂O xmax"
        assert read("<ruby>漢<rp>(</rp><rt>한</rt><rp>)</rp>字<rt>자</ruby>") == "漢(한)字(자)"

    @pytest.mark.parametrize(
        ("formula", "written"),
        [
            ("<mi>a</mi><mo>=</mo><mn>42</mn>", "a=42"),
            ("<msup><mn>10</mn><mn>6</mn></msup>", "10^6"),
            ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mn>4</mn></mfrac>", "(a+1)/4"),
            ("<msqrt><mn>2</mn></msqrt><mroot><mn>8</mn><mn>3</mn></mroot>", "√23√8"),
            ("<msubsup><mo>∑</mo><mn>1</mn><mi>n</mi></msubsup>", "∑_1^n"),
            ("<mtable><mtr><mtd>1</mtd><mtd>2</mtd></mtr><mtr><mtd>3</mtd></mtr></mtable>", "[1, 2; 3]"),
            ("<semantics><mi>x</mi><annotation>\\xi</annotation></semantics>", "x"),
            ("<mrow>" * 2_000 + "<mi>x</mi>", "x"),
            ("", ""),
        ],
    )
    def test_a_formula_keeps_its_meaning(self, formula: str, written: str) -> None:
        assert read(f"a<math>{formula}</math>") == f"a{written}"

    def test_a_form_shows_its_values(self) -> None:
        text = (
            "Name <input value='Greta Example'> <select><option>Silver<option selected>Gold</select>"
            "<select><option>Red<option>Blue</select><select multiple><option>1<option>2</select>"
            "<textarea>Back door</textarea><input type=checkbox checked>yes<input type=radio>no"
            "<input type=submit value=x>"
        )

        assert read(text) == "Name Greta Example Gold Red 1, 2 Back door ☑ yes ☐ no"

    def test_the_text_of_a_drawing_and_the_words_for_a_picture_are_read(self) -> None:
        text = "<svg><text>Revenue 812 million</text></svg> <img alt='지하철 2호선 3번 출구에서 걸어서 5분'>"

        assert read(text) == "Revenue 812 million 지하철 2호선 3번 출구에서 걸어서 5분"


class TestEncodings:
    @pytest.mark.parametrize(
        ("declaration", "text", "encoding"),
        [
            ("<meta charset=euc-kr>", "똠방각하 &amp; 보증", "cp949"),
            ('<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">', "保証期間①", "cp932"),
            ("<meta charset='gb2312'>", "保修期为三年镕", "gbk"),
            ("<!-- a comment --><META CHARSET = windows-1251>", "Гарантия", "cp1251"),
            ("<meta charset=iso-8859-2>", "Opłata wynosi", "iso-8859-2"),
            ("<meta charset=iso-8859-1>", "doesn’t", "cp1252"),
            ('<?xml version="1.0" encoding="big5"?>', "保固期為三年", "big5"),
            ("<meta charset=utf-16>", "보증", "utf-8"),
            ("<meta charset=no-such>", "보증 기간", "utf-8"),
        ],
    )
    def test_a_page_is_read_in_the_encoding_that_it_names(self, declaration: str, text: str, encoding: str) -> None:
        (segment,) = read_html(RawFile(f"{declaration}<p>{text}</p>".encode(encoding)))

        assert segment.text == f"{text.replace('&amp;', '&')}\n\n"

    def test_the_sender_and_a_mark_know_better(self) -> None:
        page = "<meta charset=big5><p>보증 기간"

        assert [s.text for s in read_html(RawFile(page.encode("cp949"), "euc-kr"))] == ["보증 기간\n\n"]
        assert [s.text for s in read_html(RawFile(page.encode("utf-8-sig")))] == ["보증 기간\n\n"]


@pytest.mark.parametrize(
    "text", ["", "<html></html>", "<script>x</script>", "<ol><li></ol>", "<table><tr><td></table>"]
)
def test_an_empty_page_says_nothing(text: str) -> None:
    assert sections(text) == []


@pytest.mark.parametrize("tag", ["<div>", "<b>", "<table><tr><td>", "<ol><li>", "<h1>", "<sup>", "<math>", "<select>"])
def test_elements_nested_to_any_depth_are_read(tag: str) -> None:
    assert "end" in read(f"{tag * 3_000}end")
