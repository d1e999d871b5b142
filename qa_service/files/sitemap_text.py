"""This module unpacks and decodes sitemaps, and tells by a sitemap's first words what it is. It parses nothing, because
the process that fetches uses it, too."""

import zlib
from contextlib import suppress

from qa_service.files.decoding import find_declared_charset, find_mark
from qa_service.language.charsets import find_codec

_MOST_UNPACKED = 50 << 20
_HEAD = 2048
_GZIP = b"\x1f\x8b"
_STEP = 64
"""This many bytes are unpacked at once. A step that is damaged gives nothing."""


def is_sitemap(content: bytes) -> bool:
    """Tell whether these are the bytes of a sitemap, by how they begin."""
    unpacked, _ = _unpack(content[:_HEAD], _HEAD)
    start = _decode(unpacked).lstrip()
    return start.startswith("<") and ("<urlset" in start or "<sitemapindex" in start)


def decode_sitemap(content: bytes) -> str:
    """Return the text of a sitemap. What is damaged or too large gives the lines and tags that are whole before that,
    because a part of an address is another address."""
    unpacked, is_whole = _unpack(content, _MOST_UNPACKED)
    text = _decode(unpacked).lstrip()
    return text if is_whole else text[: max(map(text.rfind, "\r\n>")) + 1]


def _decode(content: bytes) -> str:
    """Decode a sitemap in the encoding that it names. Bytes that aren't valid in it spoil only their own address."""
    codec = find_mark(content) or find_codec(find_declared_charset(content)) or "utf-8"
    return content.decode(codec, errors="replace")


def _unpack(content: bytes, most: int) -> tuple[bytes, bool]:
    """Return at most this many bytes of what may be packed, in one member of gzip or in several, and whether these are
    all."""
    if not content.startswith(_GZIP):
        return content[:most], len(content) <= most
    unpacked, place = bytearray(), 0
    with suppress(zlib.error, EOFError):
        while content.startswith(_GZIP, place):
            place = _unpack_member(content, place, unpacked, most)
        return bytes(unpacked), True
    return bytes(unpacked), False


def _unpack_member(content: bytes, place: int, unpacked: bytearray, most: int) -> int:
    """Unpack the member that begins at this place, and return the place behind it. Raises `EOFError` where it doesn't
    end, or not within this many bytes."""
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    while place < len(content) and len(unpacked) < most and not member.eof:
        step = content[place : place + _STEP]
        unpacked += member.decompress(step, most - len(unpacked))
        place += len(step) - len(member.unused_data)
    if not member.eof:
        raise EOFError
    return place
