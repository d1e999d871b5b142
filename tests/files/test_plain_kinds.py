"""Kinds that are text: plain, Markdown, CSV."""

import time

import pytest

from qa_service.errors import Unreadable
from qa_service.files import markdown, plain, rows
from qa_service.files.segment import RawFile, Segment


def raw(text: str) -> RawFile:
    return RawFile(text.encode())


def sections(segments: list[Segment]) -> list[tuple[str, str]]:
    return [(segment.section, segment.text) for segment in segments]


def test_plain_text_is_one_segment_without_pages() -> None:
    assert list(plain.read_plain(raw("안녕\r\n하세요"))) == [Segment("안녕\n하세요", paged=False)]


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


class TestRows:
    def test_each_value_stands_beside_its_columns_name(self) -> None:
        text = '이름,부서\n김철수,"총무, 회계"\n\n이영희,\n'

        assert sections(list(rows.read_rows(raw(text)))) == [
            ("rows 1–4", "이름; 부서\n이름: 김철수; 부서: 총무, 회계\n이름: 이영희\n")
        ]

    @pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
    def test_the_delimiter_is_found_out(self, sign: str) -> None:
        text = f"a{sign}b\n1{sign}2\n"

        assert sections(list(rows.read_rows(raw(text)))) == [("rows 1–2", "a; b\na: 1; b: 2\n")]

    def test_long_tables_come_in_ranges_of_rows(self) -> None:
        text = "name,age\n" + "".join(f"person {n},{n}\n" for n in range(2, 102))

        segments = list(rows.read_rows(raw(text)))

        first, second = segments[0].section, segments[1].section
        assert first.startswith("rows 1–")
        assert int(second.removeprefix("rows ").split("–")[0]) == int(first.split("–")[1]) + 1
        assert segments[-1].section.endswith("–101")
        assert "name: person 77; age: 77\n" in "".join(segment.text for segment in segments)

    def test_a_row_longer_than_the_first_keeps_its_cells(self) -> None:
        assert sections(list(rows.read_rows(raw("a\n1,2\n"))))[0][1] == "a\na: 1; 2\n"

    def test_a_cell_beyond_all_bounds_is_damage(self) -> None:
        with pytest.raises(Unreadable, match="damaged"):
            list(rows.read_rows(raw('a,b\n"' + "x" * 200_000 + '",1\n')))

    def test_an_empty_table_says_nothing(self) -> None:
        assert list(rows.read_rows(raw("\n\n"))) == []
