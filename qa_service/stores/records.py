"""Records as they are stored, one JSON object each. One that can't be read is left out, and holds up no other."""

import logging
from typing import TypeVar

from msgspec.json import Decoder

UNREADABLE = (ValueError, RecursionError)
"""What decoding raises for bytes that aren't JSON, or not of the right shape."""

T = TypeVar("T")
log = logging.getLogger(__name__)


def read_record(decoder: Decoder[T], stored: bytes | None) -> T | None:
    """The record; None where there is none, or where what is stored can't be read."""
    if not stored:
        return None
    try:
        return decoder.decode(stored)
    except UNREADABLE:
        log.warning("a record can't be read, and is left out: it is no %s", getattr(decoder.type, "__name__", "record"))
        return None
