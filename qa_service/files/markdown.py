"""This module reads Markdown. The text stays as it was written, but for the rows of tables, and each heading begins a
segment."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import write_row

# CommonMark has two kinds of headings: lines that begin with #, and lines that are underlined. A fenced block is
# matched first, whether it is closed or not, so that no heading is found in it.
_HEADING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^\n]*\n(?:(?! {0,3}(?P=fence))[^\n]*\n)*+[^\n]*"
    r"|^ {0,3}\#{1,6}[ \t]++(?P<marked>[^\n]*+)"
    r"|^ {0,3}(?P<underlined>[^\s>\-*+#|`=][^\n]*)\n {0,3}(?:=+|-+)[ \t]*$",
    re.MULTILINE,
)
# Below the names of its columns a table has a row of dashes.
_RULE = re.compile(r"[ \t]*+[|:-][|:\- \t]*+\n?")
_FENCE = re.compile(r" {0,3}(`{3,}+|~{3,}+)")
_CELL_END = re.compile(r"(?<!\\)\|")


def read_markdown(raw: RawFile) -> Iterator[Segment]:
    """Cut the text before each heading, and give the parts. The section of a part is the title of its heading. In the
    rows of a table each value stands after its column's name."""
    text = "".join(_name_columns(raw.text().splitlines(keepends=True)))
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


def _name_columns(lines: Iterable[str]) -> Iterator[str]:
    """Give the lines, and those of tables with the names of their columns."""
    before, names, fence = "", list[str](), ""
    for line in lines:
        fence = _follow_fence(fence, line)
        if fence or "|" not in line:
            names = []
        elif names:
            line = write_row(names, _split_cells(line)) + "\n"
        elif "|" in before and "-" in line and _RULE.fullmatch(line):
            names = _split_cells(before)
            before, line = write_row((), names) + "\n", ""
        yield before
        before = line
    yield before


def _follow_fence(fence: str, line: str) -> str:
    """Return the sign that opened the block of code in which this line stands. The line that closes the block is still
    a part of it. The sign then ends with a line end, so that the next call knows that the block is over."""
    found = _FENCE.match(line)
    if fence.endswith("\n"):
        fence = ""
    if fence:
        return f"{fence}\n" if found and found[1].startswith(fence) else fence
    return found[1] if found else ""


def _split_cells(line: str) -> list[str]:
    cells = _CELL_END.split(line.strip().removeprefix("|"))
    return [cell.replace("\\|", "|").strip() for cell in (cells if cells[-1].strip() else cells[:-1])]
