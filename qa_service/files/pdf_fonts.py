"""This module gives PDFium one font for all texts whose font isn't in the file, so that a file reads the same on every
machine.

PDFium drops a character that it can't measure. Where a Korean, Japanese or Chinese font isn't in the file, it measures
with a font of the machine, and a server often has none. This module's font has one box, which stands for all
characters of Unicode. The places of the characters come from the file in any case.
"""

import ctypes
import struct
from itertools import accumulate

from pypdfium2 import PdfSysfontBase

_BUILT_IN = frozenset({0, 1, 2})
"""For texts of these character sets (Western, default, symbols) PDFium has fonts of its own."""
_FONT = 1
"""PDFium knows the font by this number."""
_UNICODE = 1


class BoxFont(PdfSysfontBase):  # type: ignore[misc]  # pypdfium2 has no types.
    """A `BoxFont` answers PDFium's questions for fonts of the system. PDFium calls its methods by their names."""

    def __init__(self) -> None:
        self._data = build_font()
        super().__init__()

    def EnumFonts(self, _: object, mapper: object) -> None:
        """Add no font, so that no folder is searched for fonts."""

    def MapFont(self, _: object, weight: int, italic: int, charset: int, *rest: object) -> int | None:
        """Choose the font for a character set."""
        return None if charset in _BUILT_IN else _FONT

    def GetFont(self, _: object, face: object) -> None:
        """Find no font by its name."""

    def GetFontData(self, _: object, font: int, table: int, buffer: int | None, size: int) -> int:
        """Copy the font into the buffer if it is large enough, and return the size. There are no single tables."""
        if table:
            return 0
        if buffer and size >= len(self._data):
            ctypes.memmove(buffer, self._data, len(self._data))
        return len(self._data)

    def GetFaceName(self, _: object, font: int, buffer: object, size: int) -> int:
        """Give the font no name."""
        return 0

    def GetFontCharset(self, _: object, font: int) -> int:
        """Return the character set of the font."""
        return _UNICODE

    def DeleteFont(self, _: object, font: int) -> None:
        """Keep the font, since it is a constant."""


def build_font() -> bytes:
    """Build a TrueType font of 1,000 units, in which every character is the same box."""
    box = struct.pack(">5h", 1, 50, 0, 950, 800) + struct.pack(">HH", 3, 0) + b"\1" * 4
    box += struct.pack(">8h", 50, 0, 900, 0, 0, 800, 0, -800)
    tables = {
        b"OS/2": struct.pack(">H", 4) + bytes(94),
        b"cmap": _character_map(),
        b"glyf": box,
        b"head": _head(),
        b"hhea": struct.pack(">IhhhH", 0x10000, 880, -120, 0, 1000) + bytes(22) + struct.pack(">H", 2),
        b"hmtx": struct.pack(">4h", 1000, 50, 1000, 50),
        b"loca": struct.pack(">III", 0, 0, len(box)),
        b"maxp": struct.pack(">IHHH", 0x10000, 2, 4, 1) + bytes(22),
        b"post": struct.pack(">I", 0x30000) + bytes(28),
    }
    return _pack_tables(tables)


def _character_map() -> bytes:
    # Format 13 gives all characters of a range the same glyph. It is glyph 1, because glyph 0 stands for missing ones.
    table = struct.pack(">HHIII", 13, 0, 28, 0, 1) + struct.pack(">III", 0x20, 0x10FFFF, 1)
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + table


def _head() -> bytes:
    numbers = struct.pack(">IIIIHH", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, 1000) + bytes(16)
    return numbers + struct.pack(">4hHHhhh", 50, 0, 950, 800, 0, 8, 2, 1, 0)


def _pack_tables(tables: dict[bytes, bytes]) -> bytes:
    padded = [data + bytes(-len(data) % 4) for data in tables.values()]
    places = accumulate(map(len, padded), initial=12 + 16 * len(tables))
    rows = [
        struct.pack(">4sIII", tag, 0, place, len(data))
        for (tag, data), place in zip(tables.items(), places, strict=False)
    ]
    return struct.pack(">IHHHH", 0x10000, len(tables), 128, 3, 16 * len(tables) - 128) + b"".join(rows + padded)
