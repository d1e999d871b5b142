"""Markdown stays as it is written. Each heading begins a segment."""

import re
from collections.abc import Iterator
from itertools import pairwise

from qa_service.files.segment import RawFile, Segment

# CommonMark's two kinds of heading; a fenced block, or one that nobody closed, is matched first to be skipped.
_HEADING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:(?! {0,3}(?P=fence))[^\n]*\n)*+[^\n]*"
    r"|^ {0,3}\#{1,6}[ \t]+(?P<marked>[^\n]*?)[ \t]*\#*[ \t]*$"
    r"|^ {0,3}(?P<underlined>[^\s>\-*+#|`=][^\n]*)\n {0,3}(?:=+|-+)[ \t]*$",
    re.MULTILINE,
)


def read_markdown(raw: RawFile) -> Iterator[Segment]:
    """Cut the text before each heading, and give the parts with their headings as sections."""
    text = raw.text()
    headings = [(match.start(), match["marked"] or match["underlined"]) for match in _headings(text)]
    for (start, section), (end, _) in pairwise([(0, ""), *headings, (len(text), "")]):
        if start < end:
            yield Segment(text[start:end], section=section)


def _headings(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _HEADING.finditer(text) if match["marked"] or match["underlined"])
