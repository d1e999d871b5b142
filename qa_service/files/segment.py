"""The module of each kind takes a `RawFile`, and gives `Segment`s. This module has both."""

from msgspec import Struct

from qa_service.files.decoding import clean_file_text, decode_file_text, find_declared_charset
from qa_service.model import Picture, Place

PICTURE_BYTES = 750_000
"""A picture that was read has at most this many bytes. As base64 it then fits into one report."""


class InnerRoom(Struct):
    """A `InnerRoom` says how much may still be read of the files within one file, however deep they lie."""

    files: int
    bytes: int
    pictures: int


class RawFile(Struct, frozen=True):
    """A `RawFile` has the bytes of a file. `charset` is the encoding as the sender named it, or empty where it wasn't
    named."""

    content: bytes
    charset: str = ""
    depth: int = 0
    """The file lies in this many other files."""
    room: "InnerRoom | None" = None
    """This is how much may still be read within the outermost file. None means that this is the outermost one."""

    def text(self) -> str:
        """Decode and clean the bytes. Only the kinds that are text call this."""
        return clean_file_text(self.raw_text())

    def raw_text(self) -> str:
        """Decode the bytes of a kind whose values may have characters that cleaning takes for ends of lines."""
        return decode_file_text(self.content, self.charset).removeprefix("\ufeff")

    def markup(self) -> str:
        """Decode and clean the bytes of HTML or XML, which may name their encoding themselves. The sender's charset and
        a byte order mark come before that name."""
        charset = self.charset or find_declared_charset(self.content)
        return clean_file_text(decode_file_text(self.content, charset))


class Segment(Struct, frozen=True):
    """A `Segment` has the text of one page, or of one section of a kind that has no pages. Segments come in reading
    order."""

    text: str
    page: int = 1
    pages: int = 1
    section: str = ""
    """It is the heading of the section."""
    paged: bool = False
    """This says whether the kind of file has pages."""
    picture: Picture | None = None
    """This is the picture, where the file is one. Such a segment has no text."""
    tokens: int = 0
    """The picture costs a model about this many tokens."""
    place: Place = Place()
    unread: str = ""
    """Where the page can't be read, or not wholly, this is the reason that the verdict names."""
