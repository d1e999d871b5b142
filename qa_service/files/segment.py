"""Every kind's module takes a `RawFile` and gives `Segment`s."""

from msgspec import Struct

from qa_service.files.decoding import clean_file_text, decode_file_text


class RawFile(Struct, frozen=True):
    """A file's bytes. `charset` is the name that its sender gave its encoding, and empty where there was none."""

    content: bytes
    charset: str = ""

    def text(self) -> str:
        """The bytes as text. Only the kinds that are text call this."""
        return clean_file_text(decode_file_text(self.content, self.charset))


class Segment(Struct, frozen=True):
    """The text of one page, or of one section of a kind that has no pages. Segments come in reading order."""

    text: str
    page: int = 1
    pages: int = 1
    section: str = ""
    """The heading of a section, or the range of its rows. A page has its label here where that isn't its number:
    iv, or A-3."""
    paged: bool = False
