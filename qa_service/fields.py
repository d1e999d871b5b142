"""This module reads one field of a request as a value: text, a switch, a number, or one of several words.

A field that is absent gets its default. A field with an impossible value raises `InvalidField`, which names the field
and says what was expected. Fields come from JSON with values of any type, and from forms and addresses as text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast
from unicodedata import combining, normalize

import msgspec

from qa_service.errors import InvalidField, QAError

TRUE = ("true", "1", "on")
FALSE = ("false", "0", "off")
_NUMBER = re.compile(r"-?[0-9.]{1,25}(?:[eE]-?[0-9]{1,3})?")
"""Every number that JSON can hold looks like this when Python writes it, even a very small one."""
_WHOLE = re.compile(r"[0-9]{1,9}")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MOST_MARKS = 30
"""This many accents may follow each other, as in Unicode's stream-safe text (UAX #15). Putting a run of accents in
order takes the square of its length, which is seconds for a run as long as a question."""
RARE_RUN = re.compile(f"[^\x00-\u02ff\u1100-\u11ff\uac00-\ud7a3]{{{MOST_MARKS + 1}}}")
"""Only a text that has such a run may have too many accents in a row. Latin and Korean texts have none: a question of
32,000 characters takes 0.1 ms, and another 1 ms where it is searched for `MARKS` as well."""
MARKS = re.compile(rb"[^\0]{%d}" % (MOST_MARKS + 1))
"""This pattern finds more accents in a row than there may be, in the combining classes of a text's characters. The
class of a character that is no accent is 0."""
LARGEST = 1 << 64
LONG = 1_000
"""A text of at most this many characters isn't searched for long runs of accents, because any can be put in order
quickly."""

Chosen = TypeVar("Chosen", bound=str)
Kind = TypeVar("Kind")


def read_flag(fields: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Read a boolean as JSON or as a form writes it."""
    value = fields.get(name, default)
    if isinstance(value, bool):
        return value
    word = read_word(fields, name).lower()
    if word not in TRUE + FALSE:
        raise InvalidField(f"{name}: expected true or false", field=name)
    return word in TRUE


def read_choice(fields: Mapping[str, Any], name: str, choices: Sequence[Chosen]) -> Chosen:
    """Read one of `choices`. The first of them is the default."""
    value = fields.get(name, choices[0])
    if value not in choices:
        raise InvalidField(f"{name}: expected one of {', '.join(sorted(choices))}", field=name)
    return cast(Chosen, value)


def read_text(fields: Mapping[str, Any], name: str, most: int, *, too_long: type[QAError] = InvalidField) -> str:
    """Read a text of at most `most` characters, as `clean_field_text` leaves it. The default is an empty text."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidField(f"{name}: expected text", field=name)
    return clean_field_text(value, name, most, too_long=too_long)


def clean_field_text(text: str, name: str, most: int, *, too_long: type[QAError] = InvalidField) -> str:
    """Trim a text and compose its letters. macOS, for example, writes Hangul as single letters, which no list of words
    knows.

    A text of more than `most` characters raises `too_long`. A refusal says `name` as the field's name.
    """
    text = text.strip()
    if len(text) > most:
        raise too_long(f"{name}: the text has {len(text)} characters, at most {most} are read", field=name)
    if CONTROL.search(text):
        raise InvalidField(f"{name}: holds NUL, another control character or half a surrogate pair", field=name)
    if len(text) > LONG and RARE_RUN.search(text) and MARKS.search(bytes(map(combining, text))):
        raise InvalidField(f"{name}: has more than {MOST_MARKS} accents on one letter", field=name)
    return normalize("NFC", text)


def read_word(fields: Mapping[str, Any], name: str, *, default: object = "") -> str:
    """Read a single value as a form would write it, trimmed. Lists, objects and huge numbers give an empty text,
    because writing them down could fail or take long."""
    match fields.get(name, default):
        case str() as value:
            return value.strip()
        case (bool() | float()) as value:
            return str(value)
        case int() as value if abs(value) < LARGEST:
            return str(value)
        case _:
            return ""


def read_number(fields: Mapping[str, Any], name: str, most: float, *, default: float) -> float:
    """Read a number from 0 to `most`."""
    word = read_word(fields, name, default=default)
    try:
        number = float(word) if _NUMBER.fullmatch(word) else -1.0
    except ValueError:  # It has two decimal points, for example.
        number = -1.0
    if not 0 <= number <= most:
        raise InvalidField(f"{name}: expected a number between 0 and {most:g}", field=name)
    return number


def read_whole_number(fields: Mapping[str, Any], name: str, most: int, *, least: int = 1, default: int) -> int:
    """Read a whole number from `least` to `most`. Some languages write it as `50.0` in JSON."""
    word = read_word(fields, name, default=default).removesuffix(".0")
    if not _WHOLE.fullmatch(word) or not least <= int(word) <= most:
        raise InvalidField(f"{name}: expected a whole number between {least} and {most}", field=name)
    return int(word)


def bound_whole_number(fields: Mapping[str, Any], name: str, most: int) -> Any:
    """Return the whole number of a field, or `most` where it is larger. What is no whole number is returned as it is,
    so that the question refuses it."""
    word = read_word(fields, name).removesuffix(".0")
    return min(int(word), most) if _WHOLE.fullmatch(word) else fields[name]


def decode_list(value: object, kind: type[Kind], name: str, expected: str) -> Kind:
    """Decode a list or an object as `decode_value` does. Forms hold it as a text of JSON."""
    return decode_value(msgspec.Raw(value) if isinstance(value, str) else value, kind, name, expected)


def decode_value(value: object, kind: type[Kind], name: str, expected: str) -> Kind:
    """Decode a value of this kind, which may be JSON that isn't decoded yet. A refusal says what was `expected`."""
    try:
        return msgspec.json.decode(value, type=kind) if isinstance(value, msgspec.Raw) else msgspec.convert(value, kind)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError):
        raise InvalidField(f"{name}: expected {expected}", field=name) from None
