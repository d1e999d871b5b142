"""This module finds the main text of a web page: what the page says, without the menus, margins and notices around it.

A page says by its elements and roles where its main text is, and most pages of today do. Where a page doesn't, whatever
surrounds the text is known by its element, by the names of its classes, or because nearly all of its text is links.
"""

import re
from collections.abc import Iterator

from msgspec import Struct
from selectolax.lexbor import LexborHTMLParser, LexborNode

from qa_service.files.parsed import PageSection, WebPage
from qa_service.files.rendering import BLOCKS, IsSeen, render_sections, walk_nodes
from qa_service.files.visibility import Attributes, Visibility

_MAIN_ROLES = "main, [role=main]"
_MARGINS = frozenset({"nav", "aside", "footer", "header"})
_AROUND = frozenset({"article", "main", "section", "blockquote", "figure"})
"""Within one of these elements a header, a footer or an aside belongs to the text."""
_ROLE_NAMES = """
    navigation banner contentinfo search complementary menu menubar dialog alertdialog toolbar tooltip
"""
_ROLES = frozenset(_ROLE_NAMES.split())
_FRAME_NAMES = """
    nav navbar navigation gnb lnb snb fnb tnb menu submenu sidebar aside footer breadcrumb breadcrumbs location
    pagination paging pager share sns skip skipnav skipnavi toc related banner popup cookie cookies consent newsletter
    ad ads advert advertisement sponsor quickmenu sitemap toolbar copyright
"""
_FRAME_WORDS = frozenset(_FRAME_NAMES.split())
_NOTICE_NAMES = """
    cookie cookies consent popup skip skipnav skipnavi ad ads advert advertisement sponsor
"""
_NOTICE_WORDS = frozenset(_NOTICE_NAMES.split())
_WORD = re.compile(r"[a-z]+")
_LINKED_SHARE = 0.6
"""An element whose class speaks of a menu is one if this much of its text is links."""
_LISTED_SHARE = 0.85
_FEWEST_LINKS = 4
_LONGEST_LINK = 30
"""The links of a menu have at most this many characters on average."""
_LEAST_SHARE = 0.2
"""A choice that leaves less than this much of the page's text, without the links, was wrong, and the next one is
tried."""
_LISTS = frozenset({"ul", "ol", "dl", "div", "table", "section", "nav", "p", "td"})


def extract_page(html: str) -> WebPage:
    """Find the main text of a page. It has no sections where the page shows no text."""
    page = LexborHTMLParser(html)
    title, root = page.css_first("head title"), page.css_first("html")
    sections = _find_main_text(page)
    headings = (section.headings[-1] for section in sections if section.headings)
    return WebPage(
        _flatten(title.text() if title else "") or next(headings, ""),
        (root.attributes.get("lang") or "" if root else "").strip(),
        tuple(_find_trail(page)),
        sections,
    )


def _flatten(text: str) -> str:
    return " ".join(text.split())


def _find_main_text(page: LexborHTMLParser) -> tuple[PageSection, ...]:
    """Try the choices from the narrowest to the widest, and take the first one that has a fair share of the text."""
    visibility = Visibility(page)
    if page.body is None:
        return ()
    frame = _Frame(page.body, visibility)
    sections: tuple[PageSection, ...] = ()
    for root, is_seen in _list_choices(page, page.body, frame):
        sections = tuple(render_sections(root, is_seen))
        if sum(len(section.text) for section in sections) > _LEAST_SHARE * frame.unlinked:
            break
    return sections


def _list_choices(page: LexborHTMLParser, body: LexborNode, frame: "_Frame") -> Iterator[tuple[LexborNode, IsSeen]]:
    mains = [node for node in page.css(_MAIN_ROLES) if frame.counts(node)]
    if len(mains) == 1:
        yield mains[0], _SeenRule(frame, inside=True)
    articles = [node for node in page.css("article") if frame.counts(node)]
    if len(articles) == 1:
        yield articles[0], _SeenRule(frame, inside=True)
    yield body, _SeenRule(frame, inside=False)
    yield body, _SeenRule(frame, inside=True)
    yield body, frame.visibility.is_seen


class _Size(Struct):
    """A `_Size` counts the characters of an element, those within links, and the links."""

    characters: int = 0
    linked: int = 0
    links: int = 0

    def add(self, other: "_Size") -> None:
        self.characters += other.characters
        self.linked += other.linked
        self.links += other.links

    def is_linked(self, share: float) -> bool:
        return self.linked >= share * max(1, self.characters)

    @property
    def is_list_of_links(self) -> bool:
        is_short = self.linked <= _LONGEST_LINK * self.links
        return self.links >= _FEWEST_LINKS and is_short and self.is_linked(_LISTED_SHARE)


class _Frame:
    """A `_Frame` knows how much text and how many links each block of a page has, and which of them surround the main
    text."""

    def __init__(self, body: LexborNode, visibility: Visibility) -> None:
        self.visibility = visibility
        self._sizes: dict[int, _Size] = {}
        self._around: set[int] = set()
        """These are the blocks that lie within an article, a section or the like."""
        whole = self._measure(body)
        self.unlinked = whole.characters - whole.linked

    def _measure(self, body: LexborNode) -> _Size:
        open_sizes, links, around = [_Size()], 0, 0
        for node, _, entered in walk_nodes(body, self.visibility.is_seen):
            tag = node.tag or ""
            if tag == "-text":
                count = len((node.text_content or "").strip())
                open_sizes[-1].add(_Size(count, count if links else 0))
                continue
            change = 1 if entered else -1
            links += change * (tag == "a")
            open_sizes[-1].links += entered and tag == "a"
            around += change * (tag in _AROUND)
            if tag in BLOCKS or tag in _LISTS:
                self._turn(node, open_sizes, entered=entered, is_around=around > 0)
        return open_sizes[0]

    def _turn(self, node: LexborNode, open_sizes: list[_Size], *, entered: bool, is_around: bool) -> None:
        if entered:
            open_sizes.append(_Size())
            if is_around:
                self._around.add(node.mem_id)
        else:
            size = self._sizes[node.mem_id] = open_sizes.pop()
            open_sizes[-1].add(size)

    def counts(self, node: LexborNode) -> bool:
        """Tell whether this element is seen and has a fair share of the page's text."""
        size = self._sizes.get(node.mem_id)
        return size is not None and size.characters > _LEAST_SHARE * self.unlinked

    def surrounds(self, node: LexborNode, attributes: Attributes, *, inside: bool) -> bool:
        """Tell whether this element belongs to what surrounds the main text. `inside` says that it lies in an element
        of which the page says that it holds the main text."""
        tag, size = node.tag or "", self._sizes.get(node.mem_id, _Size())
        if tag == "nav" or (attributes.get("role") or "") in _ROLES:
            return True
        if tag in _MARGINS and not inside and node.mem_id not in self._around:
            return tag != "header" or node.css_first("h1") is None
        words = _list_names(attributes)
        if words & _NOTICE_WORDS or (words & _FRAME_WORDS and size.links and size.is_linked(_LINKED_SHARE)):
            return not inside or size.characters < _LEAST_SHARE * self.unlinked
        if "footer" in words and not inside:
            return True
        return not inside and tag in _LISTS and size.is_list_of_links


def _list_names(attributes: Attributes) -> set[str]:
    named = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".lower()
    return set(_WORD.findall(named))


class _SeenRule(Struct, frozen=True):
    """A `_SeenRule` tells whether an element belongs to the main text."""

    frame: _Frame
    inside: bool

    def __call__(self, node: LexborNode, attributes: Attributes) -> bool:
        is_seen = self.frame.visibility.is_seen(node, attributes)
        return is_seen and not self.frame.surrounds(node, attributes, inside=self.inside)


def _find_trail(page: LexborHTMLParser) -> Iterator[str]:
    for node in page.css("[class*=breadcrumb i], [aria-label*=breadcrumb i], [id*=breadcrumb i], [class~=location]"):
        if steps := [step for link in node.css("a") if (step := _flatten(link.text()))]:
            yield from steps
            return
