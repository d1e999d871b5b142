"""This module reads JSON from servers that are careless with types. Only the field that has an odd value is lost.

msgspec's decoders are strict and fast, and they refuse a whole object for one odd field. What they refuse is read
here again, field by field, into the same structs. Every field of such a struct needs a default.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from types import UnionType
from typing import Annotated, Any, NewType, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

Fragment = NewType("Fragment", str)
"""This is a piece of text that may have been cut inside a character, so that it begins or ends with half a surrogate
pair."""

LARGEST_INTEGER = 2**53
"""This is the largest whole number that every reader of JSON keeps exactly."""

Count: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]

UNREADABLE_REPLY = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""These are the errors that a strict decoder raises."""

S = TypeVar("S", bound=Struct)

_LONGEST_INTEGER = 19
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(content: bytes) -> object:
    """Parse JSON that may hold control characters, NaN, or halves of surrogate pairs.

    What isn't JSON raises `ValueError`.
    """
    try:
        return _PARSER.decode(_decode_text(content))
    except RecursionError as error:
        raise ValueError("the value is nested too deeply") from error


def read_struct(kind: type[S], value: object) -> S | None:
    """Read an object into a struct. A field that can't be read has its default.

    A list stands for its first element. The result is None where there is no object.
    """
    one = value[0] if isinstance(value, list) and value else value
    if not isinstance(one, dict):
        return None
    found = {name: _read_field(hint, one[name]) for name, hint in _hints(kind).items() if name in one}
    return kind(**{name: read for name, read in found.items() if read is not None})


def repair_text(text: str) -> str:
    """Put the halves of surrogate pairs together, and replace each half that is alone by U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _decode_text(content: bytes) -> str:
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return content.decode(errors="replace")


def _parse_integer(digits: str) -> float:
    """Parse an integer of any length. A long one becomes a float, because `int` refuses thousands of digits."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


_PARSER = json.JSONDecoder(strict=False, parse_int=_parse_integer)


@lru_cache
def _hints(kind: type[Struct]) -> Mapping[str, Any]:
    return {field.encode_name: field.type for field in fields(kind)}


def _read_field(hint: Any, value: object) -> Any:
    """Read a value as the type that the hint names. The result is None where that can't be done."""
    if hint is object:
        return value
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return next((read for one in inner if (read := _read_field(one, value)) is not None), None)
    if origin is Annotated:
        return _read_field(inner[0], value)
    if origin is tuple:
        return tuple(_read_field(inner[0], one) for one in value) if isinstance(value, list) else None
    if hint in _SCALARS:
        return _SCALARS[hint](value)
    return read_struct(hint, value) if isinstance(hint, type) and issubclass(hint, Struct) else None


def _read_fragment(value: object) -> str | None:
    """Read a text; a number is read as it would be written."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return str(value)
    return None


def _read_text(value: object) -> str | None:
    fragment = _read_fragment(value)
    return None if fragment is None else repair_text(fragment)


def _read_count(value: object) -> int | None:
    """Read a whole number from 0 on, which may be written as a fraction or as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return round(number) if 0 <= number <= LARGEST_INTEGER else None


_SCALARS: Mapping[Any, Any] = {str: _read_text, Fragment: _read_fragment, int: _read_count}
