"""This module reads the text of HTML that somebody sees who looks at the page. Each heading begins a segment."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from qa_service.files.segment import RawFile, Segment

_UNSEEN = ["script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "textarea", "title"]
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | {
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
}
_CELLS = frozenset({"td", "th"})
_VERBATIM = frozenset({"pre", "code"})
_SPACE = re.compile(r"\s+")


def read_html(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading. The heading is the segment's first line and its section. The text before the
    first heading is a segment too, with the page's title as its section."""
    page = LexborHTMLParser(raw.text())
    title = page.css_first("title")
    start = title.text() if title else ""
    page.strip_tags(_UNSEEN)
    for section, text in _sections(page, start):
        lines = filter(None, map(_without_empty_cells, text.split("\n")))
        shown = "\n".join(lines).strip(" \n|")
        if shown:
            yield Segment(f"{shown}\n\n", section=_SPACE.sub(" ", section).strip())


def _without_empty_cells(line: str) -> str:
    """Return the line without the spaces at both of its ends, and without the empty cells at the end of a row."""
    # A regular expression would take quadratic time for a row of many empty cells.
    end = len(line)
    while line.endswith((" ", " |"), 0, end):
        end -= 1
    return line[:end].lstrip(" ")


def _sections(page: LexborHTMLParser, section: str) -> Iterator[tuple[str, str]]:
    shown: list[str] = []
    for node, entered in _steps(page):
        if node.tag in _HEADINGS and entered:
            yield section, "".join(shown)
            shown = []
        elif node.tag in _HEADINGS:
            section = "".join(shown)
        shown.append(_shown(node, entered=entered))
    yield section, "".join(shown)


def _steps(page: LexborHTMLParser) -> Iterator[tuple[LexborNode, bool]]:
    """Give each node twice: with True before its children, and with False after them. There is no recursion here,
    because the elements of a page may be nested to any depth."""
    stack = [(page.root, True)] if page.root else []
    while stack:
        node, entered = stack.pop()
        yield node, entered
        if entered:
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(list(node.iter(include_text=True))))


def _shown(node: LexborNode, *, entered: bool) -> str:
    if node.tag == "-text":
        text = node.text_content or "" if entered else ""
        return text if node.parent and node.parent.tag in _VERBATIM else _SPACE.sub(" ", text)
    if node.tag in _BLOCKS:
        return "\n"
    return " | " if node.tag in _CELLS and not entered else ""
