"""One field becomes a value, or a refusal that names it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from qa_service.errors import InvalidField, TooLarge
from qa_service.fields import (
    clean_field_text,
    read_choice,
    read_flag,
    read_number,
    read_text,
    read_whole_number,
    read_word,
)

READERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "flag": lambda fields: read_flag(fields, "name"),
    "choice": lambda fields: read_choice(fields, "name", ("a", "b")),
    "text": lambda fields: read_text(fields, "name", 10),
    "number": lambda fields: read_number(fields, "name", 2, default=1),
    "whole": lambda fields: read_whole_number(fields, "name", 9, default=1),
}


def nested(depth: int) -> list[Any]:
    """Return a list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [nested(500), 10**5_000, {"a": 1}, [], object(), b"a"], ids="nhdlob")
def test_whatever_it_holds_a_field_is_refused_by_name(reader: str, value: object) -> None:
    with pytest.raises(InvalidField) as refusal:
        READERS[reader]({"name": value})
    assert refusal.value.field == "name"
    assert "name: expected" in refusal.value.message


@pytest.mark.parametrize(
    ("value", "word"), [(" a ", "a"), (7, "7"), (True, "True"), (0.5, "0.5"), (None, ""), ([], "")]
)
def test_a_word_is_a_single_value(value: object, word: str) -> None:
    assert read_word({"name": value}, "name") == word
    assert read_word({}, "name", default=3) == "3"


@pytest.mark.parametrize("value", ["1.2.3", ".", "1e99999", "e5", "٣", "0x1", "1_0"])
def test_what_is_no_number_is_none(value: str) -> None:
    with pytest.raises(InvalidField):
        read_number({"name": value}, "name", 2, default=1)


@pytest.mark.parametrize(
    "value", [-0.0, 5e-324, 3.938089042660708e-274, 0.00012345678901234567, 1e-05, 1.9999999999999998]
)
def test_every_number_within_the_limits_is_read(value: float) -> None:
    assert read_number({"name": value}, "name", 2, default=1) == value


@pytest.mark.parametrize("value", [5, 5.0, "5", "5.0", " 5 "])
def test_a_whole_number_is_read_however_it_is_written(value: object) -> None:
    assert read_whole_number({"name": value}, "name", 9, default=1) == 5


@pytest.mark.parametrize("value", [-5e-324, 2.0000000000000004, 1e308, -1])
def test_a_number_beyond_the_limits_is_refused(value: float) -> None:
    with pytest.raises(InvalidField, match="between 0 and 2"):
        read_number({"name": value}, "name", 2, default=1)


def test_a_text_that_is_too_long_is_refused_as_the_caller_says() -> None:
    with pytest.raises(TooLarge):
        read_text({"name": "abc"}, "name", 2, too_long=TooLarge)
    with pytest.raises(InvalidField, match="3 characters, at most 2"):
        read_text({"name": "abc"}, "name", 2)


@pytest.mark.parametrize("letter", ["a" + "\u0301" * 30, "\u0301\u0316" * 15 + "a", "가", "\u1100\u1161", "\ufdfa"])
def test_a_long_text_of_any_letters_is_cleaned_in_linear_time(letter: str) -> None:
    took = []
    for size in (20_000, 160_000):
        began = time.process_time()
        clean_field_text(letter * (size // len(letter)), "name", size)
        took.append(time.process_time() - began)
    assert took[1] < 0.02 + 30 * took[0]
