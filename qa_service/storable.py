"""A check of what a host site's own parts give us: each value must come back from JSON as it went."""

from typing import TypeVar

import msgspec

from qa_service.errors import QAError

T = TypeVar("T")


def storable(value: T) -> T:
    """Return the same value. Raises `QAError` where JSON can't hold it: half a surrogate pair, NaN, bytes, a number
    where a text belongs. Stored, one such value would keep everybody from reading what stands beside it."""
    try:
        same = msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
    except (msgspec.MsgspecError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise QAError(f"a part of this service gave a {type(value).__name__} that can't be stored") from error
    if not same:
        raise QAError(f"a part of this service gave a {type(value).__name__} that is stored as another")
    return value
