"""This module reads stored records, each of which is a JSON object. A record that can't be read is left out."""

import logging
from typing import TypeVar

from msgspec.json import Decoder

UNREADABLE_RECORD = (ValueError, RecursionError)
"""Decoding raises one of these for bytes that aren't JSON, or that are JSON of another shape."""

T = TypeVar("T")
log = logging.getLogger(__name__)


def read_record(decoder: Decoder[T], stored: bytes | None) -> T | None:
    """Decode a record. Returns None where nothing is stored, and also, after a warning, where it can't be read."""
    if not stored:
        return None
    try:
        return decoder.decode(stored)
    except UNREADABLE_RECORD:
        log.warning("a record can't be read, and is left out: it is no %s", getattr(decoder.type, "__name__", "record"))
        return None
