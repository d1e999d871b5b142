"""This module reads plain text."""

from collections.abc import Iterator

from qa_service.files.segment import RawFile, Segment


def read_plain(raw: RawFile) -> Iterator[Segment]:
    """Give the whole text as one segment, because plain text has neither pages nor sections."""
    yield Segment(raw.text())
