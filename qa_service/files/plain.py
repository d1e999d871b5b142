"""Plain text: one piece, as it is."""

from collections.abc import Iterator

from qa_service.files.piece import Piece, Source


def pieces(source: Source) -> Iterator[Piece]:
    """The whole text; it has neither pages nor sections."""
    yield Piece(source.text())
