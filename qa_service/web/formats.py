"""This module reads from a request in which wire format its answer is wanted."""

from collections.abc import Mapping
from typing import Any

from qa_service.errors import InvalidField
from qa_service.fields import read_choice, read_flag
from qa_service.wire.formats import DEFAULT, FORMATS, JSON, WireFormat

UNBUILT_TYPES = ("application/jsonl", "application/x-ndjson", "text/plain")


def choose_format(fields: Mapping[str, Any], accept: str) -> WireFormat:
    """Choose by the fields `format` and `stream`. Without them the header `Accept` decides. Where it takes anything, or
    names nothing that is known, the format is the default one. Where it names several formats, the first in the table
    is chosen. Raises `InvalidField`."""
    if "format" in fields:
        return FORMATS[read_choice(fields, "format", tuple(FORMATS))]
    if not read_flag(fields, "stream", default=True):
        return JSON
    if "stream" in fields or "*/*" in accept:
        return DEFAULT
    named = {media_type.partition(";")[0].strip().lower() for media_type in accept.split(",")}
    for row in FORMATS.values():
        if not named.isdisjoint(row.media_types):
            return row
    if not named.isdisjoint(UNBUILT_TYPES):
        built = " or ".join(media_type for row in FORMATS.values() for media_type in row.media_types)
        raise InvalidField(f"Accept: expected {built}", field="format")
    return DEFAULT
