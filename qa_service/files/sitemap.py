"""This module reads sitemaps: XML, packed or not, a list of other sitemaps, or plain text with an address a line."""

import zlib
from collections.abc import Sequence
from xml.parsers.expat import ExpatError, ParserCreate

from qa_service.files.decoding import find_declared_charset, find_mark
from qa_service.files.parsed import LONGEST_ADDRESS, MOST_ADDRESSES, ListedAddresses
from qa_service.language.charsets import find_codec

MOST_UNPACKED = 50 << 20
MOST_DEPTH = 20
"""A sitemap has four elements in each other, or some more with pictures. Parsers keep each open one in memory."""
_GZIP = b"\x1f\x8b"


def is_sitemap(content: bytes) -> bool:
    """Tell whether these are the bytes of a sitemap, by how they begin."""
    start = _decode(_unpack(content, 2048)[:2048]).lstrip()
    return start.startswith("<") and ("<urlset" in start or "<sitemapindex" in start)


def list_addresses(content: bytes) -> ListedAddresses:
    """List the addresses of a sitemap. What is damaged gives the addresses before the damage."""
    text = _decode(_unpack(content, MOST_UNPACKED)).lstrip()
    if not text.startswith("<"):
        return ListedAddresses(_keep(text.splitlines()))
    reading = _Locations()
    reading.read(text)
    return ListedAddresses(_keep(reading.pages), _keep(reading.sitemaps))


class _Locations:
    """A `_Locations` collects the texts of the elements `loc`. A page's pictures and videos have such elements too, in
    other elements, and aren't collected."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.sitemaps: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._parser = ParserCreate()
        self._parser.StartElementHandler = self._enter
        self._parser.EndElementHandler = self._leave
        self._parser.CharacterDataHandler = self._text.append
        self._parser.EntityDeclHandler = _refuse_entity

    def read(self, text: str) -> None:
        """Read a text. What its declaration says of an encoding doesn't count."""
        try:
            self._parser.Parse(text, True)
        except (ExpatError, _Refused):
            return

    def _enter(self, name: str, _: dict[str, str]) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise _Refused
        self._open.append(name.rpartition(":")[2])
        self._text.clear()

    def _leave(self, _: str) -> None:
        match self._open[-2:]:
            case ["url", "loc"]:
                self.pages.append("".join(self._text))
            case ["sitemap", "loc"]:
                self.sitemaps.append("".join(self._text))
        self._open.pop()
        if len(self.pages) + len(self.sitemaps) >= MOST_ADDRESSES:
            raise _Refused


class _Refused(Exception):
    """The rest of a sitemap isn't read."""


def _refuse_entity(*_: object) -> None:
    """Stop at the definition of an entity. No sitemap needs one, and a few of them can unpack to any size."""
    raise _Refused


def _keep(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in found[:MOST_ADDRESSES] if one.strip() and len(one) <= LONGEST_ADDRESS)


def _decode(content: bytes) -> str:
    """Decode a sitemap in the encoding that it names. Bytes that aren't valid in it spoil only their own address."""
    codec = find_mark(content) or find_codec(find_declared_charset(content)) or "utf-8"
    return content.decode(codec, errors="replace")


def _unpack(content: bytes, most: int) -> bytes:
    if not content.startswith(_GZIP):
        return content[:most]
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, most)
    except zlib.error:
        return b""
