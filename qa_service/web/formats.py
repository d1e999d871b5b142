"""This module reads from a request in which wire format its answer is wanted."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from qa_service.errors import InvalidField
from qa_service.fields import read_choice, read_flag

Format: TypeAlias = Literal["typed", "json"]

FORMATS: tuple[Format, ...] = ("typed", "json")
UNBUILT_TYPES = ("application/jsonl", "application/x-ndjson", "text/plain")


def choose_format(fields: Mapping[str, Any], accept: str) -> Format:
    """Choose by the fields `format` and `stream`. Without them the header `Accept` decides, unless it takes anything;
    the format is `typed` then."""
    if "format" in fields:
        return read_choice(fields, "format", FORMATS)
    if not read_flag(fields, "stream", default=True):
        return "json"
    if "stream" in fields or not accept or "*/*" in accept or "text/event-stream" in accept:
        return "typed"
    if any(kind in accept for kind in UNBUILT_TYPES):
        raise InvalidField("Accept: expected text/event-stream or application/json", field="format")
    return "json" if "application/json" in accept else "typed"
