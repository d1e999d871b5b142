"""This module reads plain text."""

from collections.abc import Iterator

from msgspec.structs import replace

from qa_service.files.segment import RawFile, Segment

MOST_TEXT_BYTES = 9_000_000
"""No more bytes of a text than this are read. Two million characters are kept, and each has at most four bytes."""


def read_plain(raw: RawFile) -> Iterator[Segment]:
    """Give the whole text as one segment, because plain text has neither pages nor sections."""
    yield Segment(replace(raw, content=raw.content[:MOST_TEXT_BYTES]).text())
