"""This module says what a crawl remembers of a site, and where it puts what it has read."""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from qa_service.crawling.fetching import NOTHING_KNOWN, Known
from qa_service.knowledge.documents import DocumentText

PageState: TypeAlias = Literal["waiting", "kept", "failed", "left"]
"""A `waiting` page was found, and hasn't been read yet. A `kept` page has a document. A `failed` page couldn't be read
the last time, and still has its last document, if it had one. A page that `left` has no document, because there is no
such page any more, or because it may not be kept."""


class SitePage(Struct, frozen=True):
    """A `SitePage` is what is remembered of one address of a site."""

    key: str
    """It identifies the page, as `identify_address` makes it."""
    address: str
    depth: int = 0
    """This many links lie between the start and this page."""
    state: PageState = "waiting"
    reason: str = ""
    """It says in a short English text why the page failed or left."""
    round: int = 0
    """The page was last read in this round. Rounds are counted from 1, and a new page has 0."""
    misses: int = 0
    """The page was gone in this many rounds, one after another."""
    known: Known = NOTHING_KNOWN
    digest: str = ""
    """The document was made of what has this digest."""
    document_id: str = ""
    deaths: int = 0
    """This many processes ended while they read the page."""


class SiteLedger(Protocol):
    """A `SiteLedger` remembers the pages of one site, so that a crawl can go on where another one was interrupted."""

    def load_pages(self) -> Sequence[SitePage]:
        """Return all pages of the site, in the order in which they were found."""

    def save_pages(self, pages: Sequence[SitePage]) -> None:
        """Keep these pages in place of those with the same keys, all or none of them. Of two with the same key, the
        later one counts."""


class PageContent(Struct, frozen=True):
    """A `PageContent` is what a page or a linked file has, for a document to be made of it. A page has its `text`, and
    a file has its bytes."""

    address: str
    title: str = ""
    text: DocumentText | None = None
    content: bytes = b""
    charset: str = ""


class PageShelf(Protocol):
    """A `PageShelf` makes documents of pages. Doing the same twice is the same as doing it once."""

    def put_page(self, content: PageContent) -> str:
        """Make a document of this, in place of the one with the same address, and return its id."""

    def remove_page(self, document_id: str) -> None:
        """Remove this document. Nothing happens where it is gone already."""
