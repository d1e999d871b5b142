"""This module has what a reading process tells of a fetched page or sitemap. Nothing in it needs a parser, because the
process that fetches has these values too, and loads none."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

FILE, PAGE, DOCUMENT_PAGE, SITEMAP = b"\n", b"p", b"d", b"s"
"""A request begins with one of these: read a file of any kind, parse a page, parse a file if it is a page, or parse a
sitemap.

They stay the same from one release to the next, because a worker starts processes of whatever release is installed by
then."""
LONGEST_ADDRESS = 4_000
"""An address may be this long as a page or a sitemap writes it. It may have spaces, and parameters that are left out
when it is normalized."""
MOST_HREFS = 10_000
"""This many links of a page are told. Many of them may lead to one page."""
MOST_ADDRESSES = 50_000
"""The protocol of sitemaps allows this many addresses in one file."""
MOST_ABOVE = 100
"""A section has at most this many names above it."""
LONGEST_DIRECTIVES = 10_000
"""A page with longer directives counts as one that forbids everything."""
MOST_PAGE_CHARACTERS = 8 << 20
"""The text of a page may be longer than its HTML, because long tables repeat the names of their columns."""
CRAWLER_NAMES = ("robots", "qa-service")
"""A page speaks to this crawler by these names."""


class PageSection(Struct, frozen=True):
    """A `PageSection` is a heading of a page with the text below it, up to the next heading."""

    headings: tuple[str, ...]
    """These are the headings above the text, from the outermost one to the section's own. They are empty for the text
    before the first heading."""
    anchor: str
    """This is the id of the element to which a link to this section leads. It is empty where there is none."""
    blocks: tuple[str, ...]
    """These are the pieces of the section's text, which begins with its heading. The text is cut only within long
    tables, and each row of such a table has the names of its columns."""

    @property
    def text(self) -> str:
        """Return the whole text of the section."""
        return "\n".join(self.blocks)


class WebPage(Struct, frozen=True):
    """A `WebPage` is what a page says, in the order in which people read it."""

    title: str = ""
    """This is the title of the page, or its first heading where it has no title."""
    language: str = ""
    """This is the page's language as the page names it, for example `ko` or `en-GB`, or empty."""
    trail: tuple[str, ...] = ()
    """These are the names of the pages above this one, from the outermost one, where the page shows them as a trail of
    links."""
    sections: tuple[PageSection, ...] = ()

    @property
    def size(self) -> int:
        """Return how many characters the text has."""
        return sum(len(block) for section in self.sections for block in section.blocks)


class PageHints(Struct, frozen=True):
    """A `PageHints` holds what a page says of itself to crawlers. The addresses stand in it as the page writes them."""

    links: tuple[str, ...] = ()
    base: str = ""
    canonical: str = ""
    robots: str = ""
    """These are the directives of its elements `meta`, in lower case, with commas between them."""


class ListedAddresses(Struct, frozen=True):
    """A `ListedAddresses` holds what a sitemap lists, as it is written there: pages, and other sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


class Parsed(Struct, frozen=True, omit_defaults=True):
    """A `Parsed` is what was asked for of one page or one sitemap. The rest of it is empty."""

    page: WebPage = WebPage()
    hints: PageHints = PageHints()
    listed: ListedAddresses = ListedAddresses()
    reason: str = ""
    """This says why nothing could be parsed."""


ParseContent: TypeAlias = Callable[[bytes, bytes, str], Parsed]
"""Such a function parses what was fetched. It takes the beginning of a request, the bytes, and their charset as the
server named it. It raises `Unreadable`, and `Overloaded` where nothing can be parsed now."""
