"""JSON of careless servers is read field by field."""

import pytest
from msgspec import Struct

from qa_service.upstream.fields import LARGEST_INTEGER, Fragment, parse_json, read_struct, repair_text


class Inner(Struct, frozen=True):
    name: str = "none"


class Outer(Struct, frozen=True):
    text: str = "none"
    piece: Fragment = Fragment("none")
    count: int | None = None
    inner: Inner = Inner()
    either: tuple[Inner | None, ...] | str | None = None
    anything: object = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "a", "count": 3, "inner": {"name": "b"}}, Outer(text="a", count=3, inner=Inner("b"))),
        ({"text": None, "count": None, "inner": None}, Outer()),
        ({"text": [], "count": {}, "inner": "b"}, Outer()),
        ({"text": 7, "inner": [{"name": 1.5}]}, Outer(text="7", inner=Inner("1.5"))),
        ({"text": True, "piece": float("nan")}, Outer()),
        ({"either": "a"}, Outer(either="a")),
        ({"either": [{"name": "a"}, None, 3]}, Outer(either=(Inner("a"), None, None))),
        ({"anything": [1], "unknown": 2}, Outer(anything=[1])),
        ({"text": "a\ud83d", "piece": "a\ud83d"}, Outer(text="a\ufffd", piece=Fragment("a\ud83d"))),
        ([{"text": "a"}, {"text": "b"}], Outer(text="a")),
    ],
)
def test_a_field_that_cant_be_read_costs_nothing_but_itself(value, expected):
    assert read_struct(Outer, value) == expected


@pytest.mark.parametrize("value", [None, "a", 3, [], [3]])
def test_what_is_no_object_is_no_struct(value):
    assert read_struct(Outer, value) is None


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (7, 7),
        (7.4, 7),
        ("7", 7),
        ("7.6", 8),
        (LARGEST_INTEGER, LARGEST_INTEGER),
        (-1, None),
        (LARGEST_INTEGER + 2, None),
        ("seven", None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        ([7], None),
    ],
)
def test_a_count_is_a_whole_number_from_0_on(written, count):
    assert read_struct(Outer, {"count": written}) == Outer(count=count)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("한글 😀", "한글 😀"),
        ("\ud83d\ude00", "😀"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83dx\ud83d\ude00", "\ufffdx😀"),
    ],
)
def test_halves_are_put_together_and_lone_ones_replaced(text, repaired):
    assert repair_text(text) == repaired


def test_what_only_careless_writers_write_is_parsed():
    written = b'{"a":"x\ny\x01","b":NaN,"c":"\\ud83d","d":"\xed\xa0\xbd\xed\xb8\x80","e":' + b"9" * 5000 + b"}"
    parsed = parse_json(written)
    assert isinstance(parsed, dict)
    assert (parsed["a"], parsed["c"], repair_text(parsed["d"])) == ("x\ny\x01", "\ud83d", "😀")
    assert parse_json(b'"a\xff"') == "a\ufffd"


@pytest.mark.parametrize("content", [b"", b"{", b"ping", b"[" * 100_000], ids=range(4))
def test_what_isnt_json_says_so(content):
    with pytest.raises(ValueError):  # noqa: PT011 - whose words they are depends on the content
        parse_json(content)
