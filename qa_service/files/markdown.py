"""This module reads Markdown. The text stays as it was written, and each heading begins a segment."""

import re
from collections.abc import Iterator
from itertools import pairwise

from qa_service.files.segment import RawFile, Segment

# CommonMark has two kinds of headings: lines that begin with #, and lines that are underlined. A fenced block is
# matched first, whether it is closed or not, so that no heading is found in it.
_HEADING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^\n]*\n(?:(?! {0,3}(?P=fence))[^\n]*\n)*+[^\n]*"
    r"|^ {0,3}\#{1,6}[ \t]++(?P<marked>[^\n]*+)"
    r"|^ {0,3}(?P<underlined>[^\s>\-*+#|`=][^\n]*)\n {0,3}(?:=+|-+)[ \t]*$",
    re.MULTILINE,
)


def read_markdown(raw: RawFile) -> Iterator[Segment]:
    """Cut the text before each heading, and give the parts. The section of a part is the title of its heading."""
    text = raw.text()
    for (start, section), (end, _) in pairwise([(0, ""), *_headings(text), (len(text), "")]):
        if start < end:
            yield Segment(text[start:end], section=section)


def _headings(text: str) -> Iterator[tuple[int, str]]:
    """Give the place where each heading begins, and its title. A heading without a title is left out."""
    for match in _HEADING.finditer(text):
        if title := match["underlined"] or _without_closing(match["marked"] or ""):
            yield match.start(), title


def _without_closing(title: str) -> str:
    """Return the title without the signs that may end its line, as in `## Fees ##`. They count only after a space, so
    that the sign of C# stays."""
    title = title.rstrip(" \t")
    opening = title.rstrip("#")
    return opening.rstrip(" \t") if opening.endswith((" ", "\t")) else title if opening else ""
