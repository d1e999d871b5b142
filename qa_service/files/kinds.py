"""The table of kinds: which module reads which. A new kind is a reader's file and a line here.

Modules are named, not imported: a worker needs the names alone, and parsers have no place in it.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from qa_service.errors import Unreadable
from qa_service.files.piece import Piece, Source

KINDS: Mapping[str, str] = {
    "csv": "rows",
    "docx": "word",
    "html": "hypertext",
    "md": "markdown",
    "pdf": "pdf",
    "txt": "plain",
}
ENCRYPTED = frozenset({"office"})
"""Kinds that are nothing but a locked box around another."""


def pieces(kind: str, source: Source) -> Iterator[Piece]:
    """What the file says, or `Unreadable`."""
    if not source.content:
        raise Unreadable("empty")
    if kind not in KINDS:
        raise Unreadable("encrypted" if kind in ENCRYPTED else "unsupported")
    return reader(kind)(source)


def reader(kind: str) -> Callable[[Source], Iterator[Piece]]:
    """The `pieces` of the kind's module; the first call imports it and its parser."""
    read: Callable[[Source], Iterator[Piece]] = import_module(f"qa_service.files.{KINDS[kind]}").pieces
    return read
