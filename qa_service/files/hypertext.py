"""HTML: the text a reader of the page would see, in sections by heading."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from qa_service.files.piece import Piece, Source

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
# A match begins only where a run of empty cells does: it would otherwise be tried again from each of them.
_EMPTY_CELLS = re.compile(r"(?<![ |])(?: ++\|)++$")


def pieces(source: Source) -> Iterator[Piece]:
    """One piece a heading, which is its first line. What stands before the first is the title's."""
    page = LexborHTMLParser(source.text())
    title = page.css_first("title")
    start = title.text() if title else ""
    page.strip_tags(_UNSEEN)
    for section, raw in _sections(page, start):
        shown = _without_blanks(raw).strip(" \n|")
        if shown:
            yield Piece(f"{shown}\n\n", section=_SPACE.sub(" ", section).strip())


def _without_blanks(raw: str) -> str:
    """The lines, without spaces around them and empty cells at their ends; empty lines are left out."""
    lines = (_EMPTY_CELLS.sub("", line.rstrip(" ")) for line in raw.split("\n"))
    return "\n".join(filter(None, (line.strip(" ") for line in lines)))


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
    """Each node when it is entered and when it is left, without recursion: pages nest as deep as they like."""
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
