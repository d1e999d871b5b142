"""This module reads what was fetched of a site: a page with its main text and its links, or another file as it is."""

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from qa_service.crawling.fetching import Fetched
from qa_service.crawling.markup import Markup, may_keep, read_markup
from qa_service.errors import Unreadable
from qa_service.files.decoding import find_declared_charset
from qa_service.files.parsed import PAGE, ParseContent
from qa_service.knowledge.documents import DocumentPassage, DocumentText
from qa_service.knowledge.web_pages import LARGEST_PAGE, read_web_page
from qa_service.language.charsets import find_codec

_HTML = ("text/html", "application/xhtml+xml")
_REASONS = {
    "overnested": "its elements are nested too deep",
    "timed_out": "reading it takes too long",
    "too_large": "it has too much text, or reading it takes too much memory",
}


class PageUnreadable(Exception):
    """A page can't be read. The message says why, in English."""


class PageReading(Struct, frozen=True):
    """A `PageReading` is what a page or a file of a site says."""

    markup: Markup
    digest: str
    """It is the same for two versions of a page that have the same title and main text, and for two files with the same
    bytes."""
    title: str = ""
    text: DocumentText | None = None
    """This is the main text of a page. It is None for a file, which is read like one that somebody sends."""


def is_html(fetched: Fetched) -> bool:
    """Tell whether this is a page of HTML."""
    return fetched.media_type in _HTML or (not fetched.media_type and fetched.content.lstrip()[:1] == b"<")


def read_fetched(fetched: Fetched, address: str, parse: ParseContent) -> PageReading:
    """Read what was fetched from this address. Raises `PageUnreadable`, and `Overloaded` where no page can be parsed
    now."""
    if not fetched.content.strip():  # Programs that break in the middle of a page send none.
        raise PageUnreadable("it is empty")
    if not is_html(fetched):
        digest = hashlib.sha256(fetched.content).hexdigest()
        return PageReading(Markup(may_keep=may_keep(fetched.robots)), digest)
    if len(fetched.content) > LARGEST_PAGE:
        raise PageUnreadable(f"it has more than {LARGEST_PAGE} bytes")
    try:
        parsed = parse(PAGE, fetched.content, fetched.charset)
    except Unreadable as error:
        raise PageUnreadable(_REASONS.get(error.reason, "it can't be read")) from None
    markup = read_markup(parsed.hints, address, fetched.robots, _find_older_codec(fetched))
    title, text = parsed.page.title, read_web_page(parsed.page)
    return PageReading(markup, _digest(title, text.passages), title, text)


def _find_older_codec(fetched: Fetched) -> str:
    """Return the encoding that a page names, or an empty text where that is UTF-8 or none."""
    codec = find_codec(fetched.charset or find_declared_charset(fetched.content))
    return "" if codec.startswith("utf") else codec


def _digest(title: str, passages: Sequence[DocumentPassage]) -> str:
    digest = hashlib.sha256(title.encode(errors="replace"))
    for passage in passages:
        digest.update(f"\0{passage.section}\0{passage.anchor}\0{passage.text}".encode(errors="replace"))
    return digest.hexdigest()
