"""Rows of tables are written so that each can be understood alone."""

import time

import pytest

from qa_service.files.tables import (
    SPANNED,
    Cell,
    Row,
    accept_columns,
    accept_names,
    flatten_cell,
    lay_out_cells,
    resemble_names,
    write_row,
    write_table,
)


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("a  b", "a b"),
        ("a\nb", "a / b"),
        ("One.\nTwo.", "One. Two."),
        ("항목:\n값", "항목: 값"),
        ("\n a \n\n b ", "a / b"),
        ("", ""),
    ],
)
def test_a_cell_becomes_a_line(text: str, flat: str) -> None:
    assert flatten_cell(text) == flat


def test_a_value_that_is_its_columns_name_stands_once_and_spans_are_nothing() -> None:
    assert write_row(["a", "b", ""], ["a", "1", "2", SPANNED, "", "3"]) == "a | b: 1 | 2 | 3"


NAMES = ["품목", "값"]


@pytest.mark.parametrize(
    ("row", "below", "accepted", "columns", "resembles"),
    [
        (NAMES, [["펌프", "120"], ["밸브", "340"]], True, True, True),
        (NAMES, [["펌프", "새것"], ["밸브", "헌것"]], True, True, False),
        (["이름", "2024", "2025"], [["a", "1", "2"], ["b", "3", "4"]], True, True, True),
        (["a", "2024"], [["b", "2023"], ["c", "2022"]], True, True, False),
        (["a", "120"], [["b", "340"], ["c", "560"]], False, False, False),
        (["a", "a"], [["b", "340"], ["c", "560"]], True, True, False),
        (["이름"], [["a"], ["b"]], True, False, False),
        (["x" * 81, "값"], [["b", "340"], ["c", "560"]], True, True, False),
        (NAMES, [["펌프", "120"]], True, True, False),
        (NAMES, [], False, False, False),
    ],
)
def test_names_of_columns_are_told_from_values(
    row: Row, below: list[Row], accepted: bool, columns: bool, resembles: bool
) -> None:
    found = (accept_names(row, below), accept_columns(row, below), resemble_names(row, below))

    assert found == (accepted, columns, resembles)


def test_names_over_several_rows_are_joined_and_each_counts_once() -> None:
    rows = [["표 1", SPANNED, SPANNED], ["지역", "금액", SPANNED], ["지역", "상반기", "하반기"], ["서울", "1", "2"]]

    lines = [line for _, line in write_table(rows, resemble_names, headers=3)]

    assert lines == ["표 1", "지역 | 금액", "지역 | 상반기 | 하반기", "지역: 서울 | 금액 상반기: 1 | 금액 하반기: 2"]


def test_long_texts_that_span_rows_stand_once() -> None:
    rows = lay_out_cells([Cell(0, 0, "긴 글 " * 30, rows=2), Cell(0, 1, "a"), Cell(1, 1, "b")])

    assert [bool(row[0]) for row in rows] == [True, False]


def test_cells_that_all_span_everything_take_little_time() -> None:
    began = time.thread_time()

    rows = lay_out_cells([Cell(n, 0, str(n), rows=10_000, columns=100) for n in range(3_000)])

    assert [row[0] for row in rows[-2:]] == ["2998", "2999"]
    assert time.thread_time() - began < 2
