"""This module reads which part of a list a request wants."""

import math
from collections.abc import Mapping
from contextlib import suppress

from qa_service.errors import InvalidField
from qa_service.fields import read_whole_number

LIMIT = 50
MOST_LISTED = 200


def read_limit(query: Mapping[str, str]) -> int:
    """Read how many entries the part has at most."""
    return read_whole_number(query, "limit", MOST_LISTED, default=LIMIT)


def read_time_cursor(query: Mapping[str, str]) -> str:
    """Read the cursor of a list that is in the order of time. It is the moment of the last entry that was shown, and
    the store compares it as a number."""
    text = query.get("cursor", "")
    with suppress(ValueError):
        if not text or math.isfinite(float(text)):
            return text and repr(float(text))
    raise InvalidField("cursor: expected the value that `next` had", field="cursor")
