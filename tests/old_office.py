"""This module has small files as Excel 97 and Hangul 5 write them."""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

from tests.compound import Node, compound_file


def xls(rows: Sequence[Sequence[str | float]], formats: Mapping[int, str], *, hidden: bool = False) -> bytes:
    """Return an XLS of one sheet, `가격`. `formats` has the number format of a column, which is counted from 0."""
    styles = [f"{format_}" for format_ in formats.values()]
    font = struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\x05\0Arial"
    written = b"".join(_record(0x41E, struct.pack("<H", 164 + n) + _text(code)) for n, code in enumerate(styles))
    own = [0, *(164 + n for n in range(len(styles)))]
    xfs = b"".join(_record(0xE0, struct.pack("<HHH", 0, number, 1) + bytes(14)) for number in own)
    begin = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0x0DBB, 1996, 0, 6)) + _record(0x42, b"\xb0\x04")
    head = begin + _record(0x31, font) * 5 + written + xfs
    name = "가격".encode("utf-16-le")
    bound = struct.pack("<BBBB", hidden, 0, 2, 1) + name
    start = len(head) + 4 + 4 + len(bound) + 4
    globals_ = head + _record(0x85, struct.pack("<I", start) + bound) + _record(0x0A, b"")
    numbers = {column: place for place, column in enumerate(formats, 1)}
    cells = b"".join(
        _cell(row, column, value, numbers.get(column, 0))
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
    )
    sheet = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0x0DBB, 1996, 0, 6)) + cells + _record(0x0A, b"")
    return compound_file({"Workbook": globals_ + sheet})


def _cell(row: int, column: int, value: str | float, style: int) -> bytes:
    place = struct.pack("<HHH", row, column, style)
    if isinstance(value, str):
        return _record(0x204, place + _text(value))
    return _record(0x203, place + struct.pack("<d", value))


def _text(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def hwp(paragraphs: Iterable[str], *, note: str = "", flags: int = 1) -> bytes:
    """Return an HWP 5 with these paragraphs, and a footnote to each. Of `flags`, 1 means packed, and 2 that it has a
    password."""
    body = b"".join(_hangul_paragraph(text, note=note) for text in paragraphs)
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, flags)
    info = _hangul_record(0x10, 0, struct.pack("<7H3I", 1, *[1] * 6, 0, 0, 0))
    streams: dict[str, Node] = {"FileHeader": header.ljust(256, b"\0"), "DocInfo": _pack(info)}
    return compound_file({**streams, "BodyText": {"Section0": _pack(body)}})


def _hangul_paragraph(text: str, level: int = 0, *, note: str = "") -> bytes:
    mark = struct.pack("<H4s8xH", 17, b"  nf", 17) if note else b""
    content = text.encode("utf-16-le") + mark + "\r".encode("utf-16-le")
    head = struct.pack("<IIHBBHHHI", len(content) // 2 | 1 << 31, bool(note) << 17, 0, 0, 0, 1, 0, 0, 0)
    written = _hangul_record(0x42, level, head) + _hangul_record(0x43, level + 1, content)
    written += _hangul_record(0x44, level + 1, struct.pack("<II", 0, 0))
    if not note:
        return written
    control = struct.pack("<4sIHHII", b"  nf", 1, 0, 0x29, 0, 0)
    listed = _hangul_record(0x47, level + 1, control) + _hangul_record(0x48, level + 2, struct.pack("<iI8x", 1, 0))
    return written + listed + _hangul_paragraph(note, level + 2)


def _hangul_record(kind: int, level: int, content: bytes) -> bytes:
    return struct.pack("<I", kind | level << 10 | len(content) << 20) + content


def _pack(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()
