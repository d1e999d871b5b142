"""JSON is read as lines in which each value stands behind its path."""

import json
import time

import pytest

from qa_service.files.json_text import read_json
from qa_service.files.segment import RawFile


def read(text: str) -> list[tuple[str, str]]:
    return [(segment.section, segment.text) for segment in read_json(RawFile(text.encode()))]


def test_each_value_stands_behind_its_path_and_a_record_on_one_line() -> None:
    text = """{"상점": {"이름": "가온", "열림": true, "전화": null},
        "items": [{"name": "A", "price": 1.10}, {"name": "B", "tags": ["x", "y"]}], "numbers": [1, 2, 30]}"""

    assert read(text) == [
        (
            "",
            "상점: 이름: 가온 | 열림: true | 전화: null\nitems #1: name: A | price: 1.10\nitems #2.name: B\n"
            "items #2.tags: x, y\nnumbers: 1, 2, 30\n",
        )
    ]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85"])
def test_an_end_of_a_line_within_a_value_ends_no_value(end: str) -> None:
    assert read(f'{{"a": "7일{end}이내"}}\n{{"a": "2"}}\n') == [("#1", f"#1: a: 7일{end}이내\n#2: a: 2\n")]
    assert read(f'{{"a": "7일{end}이내", "b": {{"c": 1}}}}') == [("", f"a: 7일{end}이내\nb: c: 1\n")]


def test_other_spaces_and_constants_of_other_languages_are_read() -> None:
    assert read('{\u00a0"a":\u00a0NaN}') == [("", "a: NaN\n")]


def test_long_lists_come_in_groups_that_say_where_they_stand() -> None:
    segments = read(json.dumps({"depots": [{"name": f"Depot {n}", "fee": n} for n in range(200)]}))

    assert len(segments) > 5
    assert {section for section, _ in segments} == {"depots"}
    assert "depots #151: name: Depot 150 | fee: 150\n" in "".join(text for _, text in segments)


def test_numbers_and_names_that_stand_twice_stay_as_they_were_written() -> None:
    digits = "1" * 6_000

    segments = read(f'{{"a": 1.00, "a": 1e5, "b": [{digits}]}}')

    assert "".join(text for _, text in segments) == f"a: 1.00\na: 1e5\nb #1: {digits}\n"


def test_one_value_on_each_line_is_read_too() -> None:
    assert read('{"a": 1}\n\n{"a": 2, "b": {"c": 3}}\n') == [("#1", "#1: a: 1\n#2.a: 2\n#2.b: c: 3\n")]


@pytest.mark.parametrize("text", ["{a: 1}", "// note\n{}", '{"a": 1', "[1, 2,]"])
def test_what_is_no_json_is_plain_text(text: str) -> None:
    assert read(text) == [("", text)]


def test_values_that_are_nested_deeply_are_read_and_too_deeply_are_an_error() -> None:
    assert "end" in read('{"a":' * 100 + '"end"' + "}" * 100)[0][1]
    with pytest.raises(RecursionError):
        read("[" * 100_000)


def test_a_large_file_takes_no_more_time_than_it_is_long() -> None:
    began = time.thread_time()
    read(json.dumps([[{"a": [{"b": [n]}]}] for n in range(20_000)]))
    assert time.thread_time() - began < 4


@pytest.mark.parametrize("text", [b"[%s1]", b'{"a": [%s1]}'])
def test_what_nobody_reads_of_a_long_list_is_not_written(text: bytes) -> None:
    began = time.thread_time()
    segments = read_json(RawFile(text % (b"1," * 200_000)))
    assert "#3: 1\n" in next(segments).text
    first = time.thread_time() - began
    assert len(list(segments)) > 1_000
    assert first < (time.thread_time() - began) / 2
