"""These tests show what a marker is: the page is held to the same cases in `tests/live/test_page_markdown.py` and
`tests/live/test_page_reading.py`."""

import pytest

from qa_service.markers import MARKER, blank_code, find_markers, loosen_markers, remove_markers

CASES: list[tuple[str, list[int]]] = [
    ("It is ten [1].", [1]),
    ("[1]", [1]),
    ("[12][3]", [12, 3]),
    ("It is ten [1, 2].", [1, 2]),
    ("It is ten [1,2][3].", [1, 2, 3]),
    ("It is ten [1 , 2].", [1, 2]),
    ("It is ten [1] [2].", [1, 2]),
    ("요금은 만 원입니다[2].", [2]),
    ("요금은 만 원입니다.[2][1]", [2, 1]),
    ("요금［1］은 만 원【2】입니다.", [1, 2]),
    ("요금［１２］", [12]),
    ("料金は[1、2]です。", [1, 2]),
    ("It takes ten days[2].", [2]),
    ("In 2024[1] it rose.", [1]),
    ("f(x)[1]", [1]),
    ("Ten![1]", [1]),
    ("![1](https://example.com/a.png)", []),
    ("**ten**[1]", [1]),
    ("> quoted [1]", [1]),
    ("[1][2](https://example.com)", [1]),
    ("\\[1]", []),
    ("\\\\[1]", []),
    ("a[1]", []),
    ("x = A[1]", []),
    ("_[1]", []),
    ("row_[1]", []),
    ("가a[1]", []),
    ("f(x)[a][1]", []),
    ("[text][1]", []),
    ("[1](https://example.com)", []),
    ("[1-3]", []),
    ("[ 1 ]", []),
    ("[1.5]", []),
    ("[2026]", []),
    ("[]", []),
    ("[x]", []),
    ("[1, x]", []),
    ("[^1]", []),
    ("[1,]", []),
    ("(1)", []),
    ("[1\n]", []),
    ("[1】", []),
    ("［1]", []),
    ("One [1】 here. Other [1].", [1]),
    ("`[1]`", []),
    ("``a [1] ` b``", []),
    ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]", []),
]
"""Each case is a text of one line or two, and the numbers that it cites."""


@pytest.mark.parametrize(("text", "numbers"), CASES)
def test_a_marker_is_found_where_a_reader_sees_one(text: str, numbers: list[int]) -> None:
    assert [number for _, number in find_markers(text)] == numbers


def test_the_place_of_each_number_is_known() -> None:
    assert list(find_markers("So [1, 12].")) == [(4, 1), (7, 12)]


@pytest.mark.parametrize("text", ["```\n[1]\n```", "~ `[1]` ~", "```python\nx = [1]", "`` [1] ` [2] ``"])
def test_code_holds_none_and_keeps_its_length(text: str) -> None:
    assert list(find_markers(text)) == []
    assert len(blank_code(text)) == len(text)


@pytest.mark.parametrize(("text", "numbers"), CASES)
def test_what_is_removed_or_loosened_is_found_no_more(text: str, numbers: list[int]) -> None:
    assert list(find_markers(remove_markers(text))) == []
    assert not MARKER.search(loosen_markers(text))


@pytest.mark.parametrize("text", [text for text, numbers in CASES if not numbers])
def test_what_is_no_marker_is_never_removed(text: str) -> None:
    assert remove_markers(text) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("It is ten [1].", "It is ten."),
        ("[1] says so [2], and `[3]`.", " says so, and `[3]`."),
        ("ten[1] [2]\n[3]", "ten\n"),
        ("[1[2]] and [[3]4]", "[ 1 ] and [ 4 ]"),
    ],
)
def test_a_marker_goes_with_the_space_before_it(text: str, rest: str) -> None:
    assert remove_markers(text) == rest


def test_loosened_data_means_the_same() -> None:
    assert loosen_markers('{"a": [1, 2], "b": rows[3]}') == '{"a": [ 1, 2 ], "b": rows[ 3 ]}'
