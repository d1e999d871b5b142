"""The table of kinds says which function of which module reads a kind. A new kind is one module and one line here.

The table names modules and doesn't import them, because a worker needs only the names of the kinds: no parser may
stand in a worker's memory.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TypeAlias

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment

SegmentReader: TypeAlias = Callable[[RawFile], Iterator[Segment]]
"""A function that reads files of one kind. It raises `Unreadable` where a file gives no text, or no more of it."""

KINDS: Mapping[str, tuple[str, str]] = {
    "csv": ("rows", "read_rows"),
    "docx": ("word", "read_docx"),
    "html": ("hypertext", "read_html"),
    "md": ("markdown", "read_markdown"),
    "pdf": ("pdf", "read_pdf"),
    "txt": ("plain", "read_plain"),
}
"""The module and the function that read each kind."""
ENCRYPTED = frozenset({"office"})
"""These kinds are nothing but a locked box around a file of another kind."""


def read_segments(kind: str, raw: RawFile) -> Iterator[Segment]:
    """Give the segments of a file of this kind. Raises `Unreadable` for a kind that nothing here reads."""
    if not raw.content:
        raise Unreadable("empty")
    if kind not in KINDS:
        raise Unreadable("encrypted" if kind in ENCRYPTED else "unsupported")
    return load_reader(kind)(raw)


def load_reader(kind: str) -> SegmentReader:
    """Give the function that reads this kind. The first call imports its module, and with it the parser."""
    module, function = KINDS[kind]
    reader: SegmentReader = getattr(import_module(f"qa_service.files.{module}"), function)
    return reader
