"""This module makes segments of the lines of an office document. Each heading begins one."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from qa_service.files.segment import Segment


class DocumentLine(Struct, frozen=True):
    """A `DocumentLine` is the text of a paragraph, or of a row of a table."""

    text: str
    is_heading: bool = False
    is_note: bool = False
    """This says whether the line is a note or a comment. One of a cell stands behind the row."""


def split_at_headings(lines: Iterable[DocumentLine]) -> Iterator[Segment]:
    """Give one segment for each heading. The heading is the segment's first line and its section. The text before the
    first heading is a segment too."""
    section, texts = "", list[str]()
    for line in lines:
        if line.is_heading:
            yield write_section(section, texts)
            section, texts = line.text, []
        texts.append(line.text)
    yield write_section(section, texts)


def write_section(section: str, texts: Sequence[str]) -> Segment:
    """Write the lines of one section, whose heading stands on one line. A section without lines has no text."""
    return Segment("".join(f"{text}\n" for text in texts) + "\n" if texts else "", section=" ".join(section.split()))
