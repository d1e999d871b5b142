"""Markdown stays as it is written. Each heading begins a segment."""

import re
from collections.abc import Iterator
from itertools import pairwise

from qa_service.files.segment import RawFile, Segment

# CommonMark has two kinds of heading. A fenced block is matched first, so that it is skipped, closed or not.
_HEADING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^\n]*\n(?:(?! {0,3}(?P=fence))[^\n]*\n)*+[^\n]*"
    r"|^ {0,3}\#{1,6}[ \t]++(?P<marked>[^\n]*+)"
    r"|^ {0,3}(?P<underlined>[^\s>\-*+#|`=][^\n]*)\n {0,3}(?:=+|-+)[ \t]*$",
    re.MULTILINE,
)


def read_markdown(raw: RawFile) -> Iterator[Segment]:
    """Cut the text before each heading, and give the parts with their headings as sections."""
    text = raw.text()
    for (start, section), (end, _) in pairwise([(0, ""), *_headings(text), (len(text), "")]):
        if start < end:
            yield Segment(text[start:end], section=section)


def _headings(text: str) -> Iterator[tuple[int, str]]:
    """Where each heading begins, and its title; a heading without a title is none."""
    for match in _HEADING.finditer(text):
        if title := match["underlined"] or _without_closing(match["marked"] or ""):
            yield match.start(), title


def _without_closing(title: str) -> str:
    """The title without the signs that may close its line, as in `## Fees ##`; the sign of C# belongs to the title."""
    title = title.rstrip(" \t")
    opening = title.rstrip("#")
    return opening.rstrip(" \t") if opening.endswith((" ", "\t")) else title if opening else ""
