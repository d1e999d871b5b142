"""This module writes the small file systems that old office programs and Outlook use (compound files)."""

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import TypeAlias

Node: TypeAlias = "bytes | Mapping[str, Node]"

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


class _Writer:
    def __init__(self) -> None:
        self.entries: list[list[object]] = []
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini = b""
        self.mini_fat: list[int] = []

    def add_entry(self, name: str, kind: int, child: int = FREE, start: int = END, size: int = 0) -> int:
        self.entries.append([name, kind, FREE, child, start, size])
        return len(self.entries) - 1

    def add_node(self, name: str, node: Node) -> int:
        if isinstance(node, bytes):
            start = self.add_stream(node) if len(node) >= CUTOFF else self.add_small(node)
            return self.add_entry(name, 2, start=start, size=len(node))
        number = self.add_entry(name, 1)
        self.entries[number][3] = self.add_children(node)
        return number

    def add_children(self, nodes: Mapping[str, Node]) -> int:
        """Add the children, sorted as the format says, in a tree that leans to the right."""
        ordered = sorted(nodes, key=lambda name: (len(name), name.upper()))
        numbers = [self.add_node(name, nodes[name]) for name in ordered]
        for number, following in pairwise(numbers):
            self.entries[number][2] = following
        return numbers[0] if numbers else FREE

    def add_stream(self, content: bytes) -> int:
        start = len(self.sectors)
        pieces = [content[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(content), SECTOR)]
        self.sectors += pieces
        self.fat += [*range(start + 1, start + len(pieces)), END] if pieces else []
        return start if pieces else END

    def add_small(self, content: bytes) -> int:
        start = len(self.mini_fat)
        count = -(-len(content) // MINI)
        self.mini += content.ljust(count * MINI, b"\0")
        self.mini_fat += [*range(start + 1, start + count), END] if count else []
        return start if count else END


def compound_file(files: Mapping[str, Node]) -> bytes:
    """Return a compound file of these streams and folders."""
    writer = _Writer()
    root = writer.add_entry("Root Entry", 5)
    writer.entries[root][3] = writer.add_children(files)
    writer.entries[root][4:] = [writer.add_stream(writer.mini), len(writer.mini)]
    mini_fat = writer.add_stream(struct.pack(f"<{len(writer.mini_fat)}I", *writer.mini_fat))
    directory = writer.add_stream(b"".join(_entry(*entry) for entry in writer.entries))
    count = 1
    while (len(writer.fat) + count) * 4 > count * SECTOR:
        count += 1
    first = len(writer.sectors)
    table = [*writer.fat, *[FAT] * count]
    table += [FREE] * (count * SECTOR // 4 - len(table))
    minis = -(-len(writer.mini_fat) * 4 // SECTOR)
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<9I", 0, count, directory, 0, CUTOFF, mini_fat, minis, END, 0)
    head += struct.pack("<109I", *[*range(first, first + count), *[FREE] * 109][:109])
    return head + b"".join(writer.sectors) + struct.pack(f"<{len(table)}I", *table)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    written = name.encode("utf-16-le")
    entry = written.ljust(64, b"\0") + struct.pack("<HBB3I", len(written) + 2, kind, 1, FREE, right, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)


def outlook_message(files: Mapping[str, bytes] = {}, inner: Mapping[str, Node] | None = None, **texts: str) -> bytes:
    """Return a message with these attachments, and with a message attached. `texts` are the subject, the sender,
    the receivers and the body."""
    return compound_file(_message(files, inner, head=32, **texts))


def message_folder(files: Mapping[str, bytes], **texts: str) -> Mapping[str, Node]:
    """Return a message as it is attached to another one."""
    return _message(files, None, head=24, **texts)


def _message(
    files: Mapping[str, bytes], inner: Mapping[str, Node] | None, *, head: int, **texts: str
) -> dict[str, Node]:
    numbers = {"subject": "0037", "sender": "0C1A", "to": "0E04", "body": "1000"}
    streams: dict[str, Node] = {
        f"__substg1.0_{numbers[name]}001F": text.encode("utf-16-le") for name, text in texts.items() if name in numbers
    }
    if "html" in texts:
        streams["__substg1.0_10130102"] = texts["html"].encode()
    # 2026-08-03 10:00 in tenths of microseconds since 1601.
    sent = struct.pack("<IIQ", 0x00390040, 6, 134302248000000000)
    streams["__properties_version1.0"] = bytes(head) + sent
    for number, (name, content) in enumerate(files.items()):
        streams[f"__attach_version1.0_#{number:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    if inner is not None:
        streams[f"__attach_version1.0_#{len(files):08X}"] = {"__substg1.0_3701000D": inner}
    return streams
