"""What a reader of any kind takes, the source, and what it gives, pieces."""

from msgspec import Struct

from qa_service.files.decoding import cleaned, decode


class Source(Struct, frozen=True):
    """A file's bytes, with the encoding its sender named, if any."""

    content: bytes
    charset: str = ""

    def text(self) -> str:
        """The bytes as text; for kinds that are text."""
        return cleaned(decode(self.content, self.charset))


class Piece(Struct, frozen=True):
    """The text of a page, or of a section of a kind without pages, in reading order."""

    text: str
    page: int = 1
    pages: int = 1
    section: str = ""
    """A section's heading or range of rows; of a page its label, where that isn't its number: iv, A-3."""
    paged: bool = False
