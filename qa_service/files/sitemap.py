"""This module reads sitemaps: XML, packed or not, a list of other sitemaps, or plain text with an address a line."""

from collections.abc import Sequence
from xml.parsers.expat import ExpatError, ParserCreate

from qa_service.files.parsed import LONGEST_ADDRESS, MOST_ADDRESSES, ListedAddresses
from qa_service.files.sitemap_text import decode_sitemap

MOST_DEPTH = 20
"""A sitemap has four elements in each other, or some more with pictures. Parsers keep each open one in memory."""


def list_addresses(content: bytes) -> ListedAddresses:
    """List the addresses of a sitemap. What is damaged gives the addresses before the damage."""
    text = decode_sitemap(content)
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
