"""The kinds that are text are read: plain text, Markdown and CSV."""

import time

import pytest

from qa_service.errors import Unreadable
from qa_service.files import markdown, plain, rows
from qa_service.files.segment import RawFile, Segment
from qa_service.language.sentences import split_sentences
from qa_service.model import Place


def raw(text: str) -> RawFile:
    return RawFile(text.encode())


def sections(segments: list[Segment]) -> list[tuple[str, str]]:
    return [(segment.section, segment.text) for segment in segments]


def lines(text: str) -> list[str]:
    return [line for segment in rows.read_rows(raw(text)) for line in segment.text.splitlines() if line]


def test_plain_text_is_one_segment_without_pages() -> None:
    assert list(plain.read_plain(raw("안녕\r\n하세요"))) == [Segment("안녕\n하세요", paged=False)]


def test_a_text_that_is_far_too_long_takes_no_more_time_than_the_part_that_is_kept() -> None:
    began = time.thread_time()

    (segment,) = plain.read_plain(RawFile(b"a" * 100_000_000))

    assert len(segment.text) == plain.MOST_TEXT_BYTES > 2_000_000 * 4
    assert time.thread_time() - began < 3


class TestMarkdown:
    def test_each_heading_begins_a_section(self) -> None:
        text = "앞글\n\n# 제1장 #\n본문\n\nTitle\n---\nmore\n"

        assert sections(list(markdown.read_markdown(raw(text)))) == [
            ("", "앞글\n\n"),
            ("제1장", "# 제1장 #\n본문\n\n"),
            ("Title", "Title\n---\nmore\n"),
        ]

    @pytest.mark.parametrize("text", ["```\n# no\n```\nend", "~~~\n# no\n", "- item\n---\n", "#hashtag", ""])
    def test_what_only_looks_like_a_heading_is_none(self, text: str) -> None:
        assert sections(list(markdown.read_markdown(raw(text)))) == ([("", text)] if text else [])

    def test_the_segments_are_the_whole_text(self) -> None:
        text = "a\n# b\n```x\n# c\n```\n## d\n\n---\n=== \n#\n# \n" * 3

        assert "".join(segment.text for segment in markdown.read_markdown(raw(text))) == text

    @pytest.mark.parametrize(
        ("line", "title"),
        [("# Fees ##", "Fees"), ("## C#", "C#"), ("# 요금 #  ", "요금"), ("# a # b", "a # b"), ("### \tx\t#", "x")],
    )
    def test_only_signs_that_stand_apart_close_a_heading(self, line: str, title: str) -> None:
        assert sections(list(markdown.read_markdown(raw(line)))) == [(title, line)]

    @pytest.mark.parametrize("piece", ["# ", "#", "## a #", "# a\t\t", "```", "~~~ ", "a\n--x"])
    def test_a_line_of_nearly_headings_takes_no_time_to_speak_of(self, piece: str) -> None:
        began = time.thread_time()
        list(markdown.read_markdown(raw(f"# {piece * 100_000}!")))
        assert time.thread_time() - began < 1

    def test_a_million_lines_of_nearly_headings_take_no_time_to_speak_of(self) -> None:
        assert len(list(markdown.read_markdown(raw("```\n" * 200_000 + "a\n" * 200_000)))) == 1


class TestTablesOfMarkdown:
    def test_each_value_stands_beside_its_columns_name(self) -> None:
        text = "앞\n\n| 품목 | 값 |\n|:---|---:|\n| 펌프 | 120 |\n| a\\|b | |\n\n뒤 | 글\n"

        (segment,) = markdown.read_markdown(raw(text))

        assert segment.text == "앞\n\n품목 | 값\n품목: 펌프 | 값: 120\n품목: a|b\n\n뒤 | 글\n"

    @pytest.mark.parametrize("text", ["```\na | b\n---|---\n1 | 2\n```\n", "a | b\n\n1 | 2\n", "a | b\n- c\n"])
    def test_what_is_no_table_stays_as_it_is(self, text: str) -> None:
        assert "".join(segment.text for segment in markdown.read_markdown(raw(text))) == text

    def test_a_long_text_of_signs_takes_linear_time(self) -> None:
        for text in ("|" * 200_000, "a|\n" * 60_000, "|\n" + "-" * 200_000, "|-" * 100_000):
            began = time.thread_time()
            list(markdown.read_markdown(raw(text)))
            assert time.thread_time() - began < 2


class TestRows:
    def test_each_value_stands_beside_its_columns_name(self) -> None:
        text = '이름,부서\n김철수,"총무, 회계"\n이영희,\n'

        (segment,) = rows.read_rows(raw(text))

        assert segment.text == "이름 | 부서\n이름: 김철수 | 부서: 총무, 회계\n이름: 이영희\n\n"
        assert segment.place == Place(rows=(1, 3))

    @pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
    def test_the_delimiter_is_found_out(self, sign: str) -> None:
        assert lines(f"a{sign}b\n1{sign}2\n") == ["a | b", "a: 1 | b: 2"]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('Name;Note\n"A";"one\ntwo, three"\n"B";"1, 2, 3"\n', "Name: A | Note: one / two, three"),
            ("Artikel, Farbe;Preis, EUR\nRohr, rot;1,50\n", "Artikel, Farbe: Rohr, rot | Preis, EUR: 1,50"),
            ('Tag\tAlias\n"a\tb"\tc;d\n', "Tag: a b | Alias: c;d"),
            ('id,pair\n1,"x;y"\n2,"z;w"\n', "id: 1 | pair: x;y"),
        ],
    )
    def test_signs_within_cells_are_no_delimiters(self, text: str, line: str) -> None:
        assert line in lines(text)

    @pytest.mark.parametrize(
        "before", ["", "판매 현황\n단위: 천원\n", ",,\n", "\n\n", "sep=,\n", "Report,2026,\n"], ids=repr
    )
    def test_the_first_row_that_fills_all_columns_names_them(self, before: str) -> None:
        assert (
            lines(before + "지역,품목,금액\n서울,펌프,1200\n부산,밸브,3400\n")[-1]
            == "지역: 부산 | 품목: 밸브 | 금액: 3400"
        )

    @pytest.mark.parametrize("sign", ["\u2028", "\x0b", "\x0c", "\x85"])
    def test_a_sign_within_a_cell_ends_no_row(self, sign: str) -> None:
        assert lines(f"이름,메모\r\n김,앞{sign}뒤\r이,나\n") == [
            "이름 | 메모",
            "이름: 김 | 메모: 앞 / 뒤",
            "이름: 이 | 메모: 나",
        ]

    def test_rows_are_counted_as_in_a_sheet(self) -> None:
        segments = list(rows.read_rows(raw("a,b\n\n1,2\n3,4\n")))

        assert [segment.place.rows for segment in segments] == [(1, 1), (3, 4)]

    def test_a_table_of_numbers_has_no_names_but_years_are_names(self) -> None:
        assert lines("1,2\n3,4\n") == ["1 | 2", "3 | 4"]
        assert lines("품목,2024,2025\n펌프,3,4\n")[-1] == "품목: 펌프 | 2024: 3 | 2025: 4"

    def test_long_tables_come_in_ranges_of_rows(self) -> None:
        text = "name,age\n" + "".join(f"person {n},{n}\n" for n in range(2, 102))

        segments = list(rows.read_rows(raw(text)))

        places = [segment.place.rows or (0, 0) for segment in segments]
        assert len(places) > 2
        assert [n for first, last in places for n in range(first, last + 1)] == list(range(1, 102))
        assert "name: person 77 | age: 77\n" in "".join(segment.text for segment in segments)

    def test_each_row_can_be_quoted_alone(self) -> None:
        for text in ("a,b\n1,2\n3,4\n", "name\nKim\nLee\n"):
            (segment,) = rows.read_rows(raw(text))

            assert len(split_sentences(segment.text)) == 3

    def test_a_row_longer_than_the_first_keeps_its_cells(self) -> None:
        assert lines("a\n1,2\n") == ["a", "1 | 2"]

    def test_a_cell_beyond_all_bounds_is_damage(self) -> None:
        with pytest.raises(Unreadable, match="damaged"):
            list(rows.read_rows(raw('a,b\n"' + "x" * 1_200_000 + '",1\n')))

    def test_an_empty_table_says_nothing(self) -> None:
        assert list(rows.read_rows(raw("\n\n"))) == []
