"""The table of kinds says which function of which module reads a kind.

Whoever adds a kind writes a module in this folder and adds a line to `KINDS`, and another line to `sniffing.py`, unless
`sniffing.py` recognizes the kind already. `sandbox.py` and `isolation.py` needn't be changed.

The table names modules and doesn't import them, because a worker needs only the names of the kinds, and no parser may
be loaded into a worker.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TypeAlias

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment

SegmentReader: TypeAlias = Callable[[RawFile], Iterator[Segment]]
"""Such a function reads files of one kind. It raises `Unreadable` where it can read no text, or no more text."""

KINDS: Mapping[str, tuple[str, str]] = {
    "csv": ("rows", "read_rows"),
    "docx": ("word", "read_docx"),
    "eml": ("mail", "read_mail"),
    "epub": ("book", "read_epub"),
    "gif": ("picture", "read_picture"),
    "html": ("hypertext", "read_html"),
    "hwp": ("hwp", "read_hwp"),
    "hwpx": ("hwpx", "read_hwpx"),
    "jpeg": ("picture", "read_picture"),
    "json": ("json_text", "read_json"),
    "md": ("markdown", "read_markdown"),
    "mhtml": ("mail", "read_saved_page"),
    "msg": ("outlook", "read_message"),
    "odp": ("opendocument", "read_odp"),
    "ods": ("opendocument", "read_ods"),
    "odt": ("opendocument", "read_odt"),
    "pdf": ("pdf", "read_pdf"),
    "png": ("picture", "read_picture"),
    "pptx": ("slides", "read_pptx"),
    "rtf": ("rtf", "read_rtf"),
    "tiff": ("picture", "read_scan"),
    "txt": ("plain", "read_plain"),
    "webp": ("picture", "read_picture"),
    "xls": ("xls", "read_xls"),
    "xlsx": ("xlsx", "read_xlsx"),
    "zip": ("bundle", "read_zip"),
}
"""This table names the module and the function that read each kind."""
ENCRYPTED = frozenset({"office"})
"""A file of one of these kinds contains an encrypted file of another kind and nothing else."""


def read_segments(kind: str, raw: RawFile) -> Iterator[Segment]:
    """Give the segments of a file of this kind. Raises `Unreadable` for an empty file, and for a kind that isn't in
    `KINDS`."""
    if not raw.content:
        raise Unreadable("empty")
    if kind not in KINDS:
        raise Unreadable("encrypted" if kind in ENCRYPTED else "unsupported")
    return load_reader(kind)(raw)


def load_reader(kind: str) -> SegmentReader:
    """Return the function that reads this kind. The first call imports its module, and with it the parser."""
    module, function = KINDS[kind]
    reader: SegmentReader = getattr(import_module(f"qa_service.files.{module}"), function)
    return reader
