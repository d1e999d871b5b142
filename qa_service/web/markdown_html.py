"""This module writes the Markdown of a documentation page as HTML that keeps to our content security policy."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from markupsafe import Markup
from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Resolve: TypeAlias = Callable[[str], str]
"""Such a function returns the address of what a page links to. It is empty for what isn't served."""

NO_ANCHOR = re.compile(r"[^\w\s-]")


class Section(Struct, frozen=True):
    """A `Section` is a part of a page, from one heading to the next. `anchor` is the heading's id, and `text` has no
    marks."""

    anchor: str
    heading: str
    text: str


class RenderedPage(Struct, frozen=True):
    """A `RenderedPage` is a page as HTML, and as sections that can be searched. The first section has the title."""

    html: Markup
    sections: Sequence[Section]


def render_page(text: str, resolve: Resolve) -> RenderedPage:
    """Render the Markdown of a page. HTML in it is shown as text."""
    parser = _make_parser()
    tokens = parser.parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            token.attrSet("id", write_anchor(following.content))
        if token.attrs.pop("style", None) == "text-align:right":
            token.attrSet("class", "number")
        _resolve_links(token.children or (), resolve)
    html = parser.renderer.render(tokens, parser.options, {})
    return RenderedPage(Markup(_open_to_keys(html)), tuple(_list_sections(tokens)))  # noqa: S704 - it was escaped


def list_anchors(text: str) -> list[str]:
    """List the ids of a page's headings, in their order."""
    tokens = _make_parser().parse(text)
    return [
        write_anchor(token.content)
        for token, before in zip(tokens[1:], tokens, strict=False)
        if before.type == "heading_open"
    ]


def write_anchor(heading: str) -> str:
    """Write the id of a heading, as the sites that show repositories do."""
    return NO_ANCHOR.sub("", heading.lower()).strip().replace(" ", "-")


def _resolve_links(tokens: Sequence["Token"], resolve: Resolve) -> None:
    opened: list[str] = []
    for token in tokens:
        match token.type:
            case "link_open":
                address = resolve(str(token.attrs["href"]))
                token.attrs = {"href": address} if address else {}
                token.tag = "a" if address else "span"
                opened.append(token.tag)
            case "link_close":
                token.tag = opened.pop()
            case "image":
                token.attrSet("src", resolve(str(token.attrs["src"])))


def _open_to_keys(html: str) -> str:
    """Let wide tables and samples be scrolled by themselves, also with keys, so that a page fits a phone. The corner of
    a table is no heading."""
    html = html.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">').replace("<th></th>", "<td></td>")


def _list_sections(tokens: Sequence["Token"]) -> Iterator[Section]:
    heading, anchor, texts = "", "", list[str]()
    for token, before in zip(tokens[1:], tokens, strict=False):
        if before.type == "heading_open":
            if heading:
                yield Section(anchor, heading, " ".join(texts))
            heading, anchor, texts = _read_text(token), str(before.attrs["id"]), []
        elif token.type in ("inline", "fence", "code_block"):
            texts.append(_read_text(token))
    yield Section(anchor, heading, " ".join(texts))


def _read_text(token: "Token") -> str:
    return "".join(child.content for child in token.children) if token.children else token.content


@cache
def _make_parser() -> "MarkdownIt":
    # A server that nobody asks for documentation starts without the library.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")
