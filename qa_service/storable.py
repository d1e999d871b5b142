"""This module checks what a host site's own parts give us: each value must stay the same when it is written as JSON and
read again."""

from typing import TypeVar

import msgspec

from qa_service.errors import QAError

T = TypeVar("T")


def storable(value: T) -> T:
    """Return the same value. Raises `QAError` where JSON can't hold it, such as half a surrogate pair, NaN, bytes, or a
    number where a text belongs. If such a value were stored, nobody could read what is stored beside it."""
    try:
        same = msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
    except (msgspec.MsgspecError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise QAError(f"a part of this service gave a {type(value).__name__} that can't be stored") from error
    if not same:
        raise QAError(f"a part of this service gave a {type(value).__name__} that is stored as another")
    return value
