"""Compound files, in which old office programs and Hangul keep their streams, and what such programs write in them."""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

_SECTOR = 512
_SMALLEST = 4096
"""Shorter streams would have sectors of their own, so each stream is filled up to this."""
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file. A name may have one folder, as in `BodyText/Section0`."""
    folders = sorted({name.split("/")[0] for name in streams if "/" in name})
    entries = ["Root Entry", *folders, *streams]
    contents = {name: content.ljust(_SMALLEST, b"\0") for name, content in streams.items()}
    sectors, starts = list[bytes](), dict[str, int]()
    chain = list[int]()
    for name, content in contents.items():
        starts[name] = len(sectors)
        pieces = [content[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(content), _SECTOR)]
        chain += [*range(len(sectors) + 1, len(sectors) + len(pieces)), _END]
        sectors += pieces
    directory = b"".join(_entry(name, entries, starts, contents) for name in entries)
    directory = directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\0")
    first = len(sectors)
    count = len(directory) // _SECTOR
    chain += [*range(first + 1, first + count), _END, _TABLE]
    table = struct.pack("<128I", *[*chain, *[_FREE] * 128][:128])
    assert len(chain) <= 128, "one sector has the whole table"
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<3I", 0, 1, first) + struct.pack("<I", 0)
    head += struct.pack("<5I", _SMALLEST, _END, 0, _END, 0) + struct.pack("<109I", first + count, *[_FREE] * 108)
    return head + b"".join(sectors) + directory + table


def _entry(name: str, entries: Sequence[str], starts: Mapping[str, int], contents: Mapping[str, bytes]) -> bytes:
    kind = 5 if name == "Root Entry" else 2 if name in contents else 1
    last = name.rsplit("/", 1)[-1]
    siblings = _sorted_children(entries, name.rsplit("/", 1)[0] if "/" in name else "Root Entry")
    later = siblings[siblings.index(name) + 1 :] if kind != 5 else []
    children = _sorted_children(entries, name) if kind != 2 else []
    right, child = (entries.index(found[0]) if found else _FREE for found in (later, children))
    written = last.encode("utf-16-le")
    return (
        written.ljust(64, b"\0")
        + struct.pack("<HBB3I", len(written) + 2, kind, 1, _FREE, right, child)
        + bytes(36)
        + struct.pack("<IQ", starts.get(name, _END if kind == 5 else 0), len(contents.get(name, b"")))
    )


def _sorted_children(entries: Sequence[str], parent: str) -> list[str]:
    own = [name for name in entries[1:] if (name.rsplit("/", 1)[0] if "/" in name else "Root Entry") == parent]
    return sorted(own, key=lambda name: (len(name.rsplit("/", 1)[-1]), name.rsplit("/", 1)[-1].upper()))


# --- Excel 97 -------------------------------------------------------------------------------------


def xls(rows: Sequence[Sequence[str | float]], formats: Mapping[int, str], *, hidden: bool = False) -> bytes:
    """An XLS of one sheet, `가격`. `formats` has the number format of a column, which is counted from 0."""
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
    return compound({"Workbook": globals_ + sheet})


def _cell(row: int, column: int, value: str | float, style: int) -> bytes:
    place = struct.pack("<HHH", row, column, style)
    if isinstance(value, str):
        return _record(0x204, place + _text(value))
    return _record(0x203, place + struct.pack("<d", value))


def _text(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


# --- Hangul 5 -------------------------------------------------------------------------------------


def hwp(paragraphs: Iterable[str], *, flags: int = 1) -> bytes:
    """An HWP 5 with these paragraphs. Of `flags`, 1 means packed, and 2 that it has a password."""
    body = b"".join(_hangul_paragraph(text) for text in paragraphs)
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, flags)
    info = _hangul_record(0x10, 0, struct.pack("<7H3I", 1, *[1] * 6, 0, 0, 0))
    return compound({"FileHeader": header.ljust(256, b"\0"), "DocInfo": _pack(info), "BodyText/Section0": _pack(body)})


def _hangul_paragraph(text: str) -> bytes:
    content = f"{text}\r".encode("utf-16-le")
    head = struct.pack("<IIHBBHHHI", len(content) // 2 | 1 << 31, 0, 0, 0, 0, 1, 0, 0, 0)
    shape = struct.pack("<II", 0, 0)
    return _hangul_record(0x42, 0, head) + _hangul_record(0x43, 1, content) + _hangul_record(0x44, 1, shape)


def _hangul_record(kind: int, level: int, content: bytes) -> bytes:
    return struct.pack("<I", kind | level << 10 | len(content) << 20) + content


def _pack(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()
