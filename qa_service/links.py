"""This module finds the links and the bare addresses in a text, and tells which addresses lead to the same page."""

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from qa_service.language.stems import JOSA

_LONGEST_ADDRESS = 4_096
POINTING_WORDS = 5
"""An address points at a long quote by this many of its first words, and as many of its last."""
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\((https?://[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)\)")
_OPEN = r"[^\s<>\"'`\[\]()*…。，、！？：；（）“”‘’「」『』《》〈〉]"
_BARE = re.compile(rf"https?://{_OPEN}+(?:\([^\s()<>]*\){_OPEN}*)*")
_TRAILING = ".,;:!?~"
# A particle behind an address belongs to the sentence around it. Hangul that is a word of the path, as in /wiki/서울,
# stays.
_PARTICLE = re.compile(rf"(?<=[A-Za-z0-9/=_)-])(?=[가-힣]){JOSA}$")


class Link(Struct, frozen=True, gc=False):
    """A `Link` is an address in a text, and where it stands there. It has no label where only the address is
    written."""

    start: int
    end: int
    url: str
    label: str = ""


def find_links(text: str) -> Iterator[Link]:
    """Find the links that are written in Markdown, and those of its pictures."""
    for link in _LINK.finditer(text) if "://" in text else ():
        if is_web_address(link[2]):
            yield Link(link.start(), link.end(), link[2], link[1])


def find_bare_addresses(text: str) -> Iterator[Link]:
    """Find the addresses that stand in a text outside of links."""
    if "://" not in text:
        return
    for bare in _BARE.finditer(_LINK.sub(lambda link: " " * len(link[0]), text)):
        url = _PARTICLE.sub("", bare[0][: _LONGEST_ADDRESS + 1].rstrip(_TRAILING))
        if is_web_address(url):
            yield Link(bare.start(), bare.start() + len(url), url)


def is_web_address(url: str) -> bool:
    """Tell whether this is an http or https address with a host, to which a reader may be sent."""
    if len(url) > _LONGEST_ADDRESS or " " in url or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:  # What a model writes needn't be an address.
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def identify_page(url: str) -> str:
    """Return a text that is the same for all web addresses of one page.

    OpenAI adds `utm_source=openai` to the addresses that it cites, and none to those that its search returns.
    """
    parts = urlsplit(url)
    query = "&".join(one for one in parts.query.split("&") if one and not one.startswith("utm_"))
    return f"{parts.netloc.lower()}{unquote(parts.path).rstrip('/')}?{query}"


def point_at_quote(url: str, words: str, page: int = 0) -> str:
    """Return the address with a fragment that leads to these words of the page, unless it has a fragment already. A PDF
    is opened at the page with this number, since browsers find no words in one."""
    if "#" in url:
        return url
    if urlsplit(url).path.lower().endswith(".pdf"):
        return f"{url}#page={page}" if page else url
    parts = words.split()
    if not parts:
        return url
    few = len(parts) <= 2 * POINTING_WORDS
    ends = [parts] if few else [parts[:POINTING_WORDS], parts[-POINTING_WORDS:]]
    # A hyphen has a meaning of its own there.
    return f"{url}#:~:text={','.join(quote(' '.join(part), safe='').replace('-', '%2D') for part in ends)}"
