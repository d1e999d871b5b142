"""This module reads the messages that Outlook saves (MSG), with their attachments.

Such a file is a small file system, which olefile opens. A property of the message is a file there, whose name ends with
the property's number and type.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TypeAlias

from msgspec.structs import replace
from olefile import STGTY_STREAM, OleFileIO
from olefile.olefile import OleFileError

from qa_service.errors import Unreadable
from qa_service.files.decoding import clean_file_text, decode_file_text
from qa_service.files.hypertext import read_hypertext
from qa_service.files.inner import InnerFile, find_room, read_inner_files
from qa_service.files.segment import InnerRoom, RawFile, Segment

Folder: TypeAlias = tuple[str, ...]
"""This is the path of a folder in the file."""

_SUBJECT, _SENDER, _SENDER_ADDRESS, _TO, _CC = "0037", "0C1A", "5D01", "0E04", "0E03"
_BODY, _HTML = "1000", "1013"
_DATA, _LONG_NAME, _SHORT_NAME, _SHOWN_NAME = "3701", "3707", "3704", "3001"
_SENT = (0x00390040, 0x0E060040)
"""These properties have the time at which the message was sent, or else came."""
_CODE_PAGE = 0x3FFD0003
_ENTRY = 16
"""A property without a file of its own has this many bytes in the list of properties."""
_HEADS = (32, 24)
"""The list of properties begins with this many bytes of something else. The first number is for the outermost message,
and the second one for a message within it."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_UTF8_PAGE = 65001
_DEEPEST = 8
"""The folder of a message within a message lies two folders deeper."""
_BROKEN = (OleFileError, OSError, ValueError, IndexError, TypeError, AttributeError, OverflowError)


def read_message(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of a message and of its attachments."""
    try:
        with OleFileIO(BytesIO(raw.content)) as ole:
            message = _Message(ole, ())
            yield from message.read_body()
            files = list(message.list_attachments(find_room(raw)))
            yield from read_inner_files(files, raw, find_room(raw), first_page=2)
    except _BROKEN as error:
        raise Unreadable("damaged") from error


class _Message:
    """A `_Message` is one message: the outermost one, or one that is attached. `folder` is where its files are."""

    def __init__(self, ole: OleFileIO, folder: Folder) -> None:
        self._ole = ole
        self._folder = folder
        self._properties = self._list_properties()
        page = int.from_bytes(self._properties.get(_CODE_PAGE, b"")[:4], "little")
        self._charset = {0: "", _UTF8_PAGE: "utf-8"}.get(page, f"windows-{page}")

    def read_body(self) -> Iterator[Segment]:
        subject = self._read_text(self._folder, _SUBJECT)
        yield Segment(f"{self._write_headers(subject)}\n\n", section=subject)
        html = self._read_html()
        if html.strip():
            for segment in read_hypertext(html):
                yield replace(segment, section=segment.section or subject)
        elif body := self._read_text(self._folder, _BODY).strip():
            yield Segment(f"{body}\n\n", section=subject)

    def list_attachments(self, room: InnerRoom) -> Iterator[InnerFile]:
        for folder in self._list_folders("__attach_version1.0_"):
            name = next(filter(None, (self._read_text(folder, n) for n in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))), "")
            inner = (*folder, f"__substg1.0_{_DATA}000D")
            if self._ole.exists(list(inner)):
                yield from self._read_attached(inner, name or "message", room)
            else:
                yield InnerFile(name or "attachment", self._read_bytes(folder, f"{_DATA}0102"))

    def _read_attached(self, folder: Folder, name: str, room: InnerRoom) -> Iterator[InnerFile]:
        """Give an attached message as text, and then its own attachments."""
        room.files -= 1
        if room.files < 0 or len(folder) > _DEEPEST:
            return
        message = _Message(self._ole, folder)
        text = "".join(segment.text for segment in message.read_body())
        yield InnerFile(name, text.encode("utf-8", "ignore"), "utf-8", kind="txt")
        for file in message.list_attachments(room):
            yield replace(file, name=f"{name}/{file.name}")

    def _write_headers(self, subject: str) -> str:
        sender = [self._read_text(self._folder, part) for part in (_SENDER, _SENDER_ADDRESS)]
        names = [self._read_text(folder, _LONG_NAME) for folder in self._list_folders("__attach_version1.0_")]
        lines = {
            "From": " ".join(dict.fromkeys(filter(None, sender))),
            "To": self._read_text(self._folder, _TO),
            "Cc": self._read_text(self._folder, _CC),
            "Date": self._read_date(),
            "Subject": subject,
            "Attachments": ", ".join(filter(None, names)),
        }
        return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)

    def _read_date(self) -> str:
        for number in _SENT:
            ticks = int.from_bytes(self._properties.get(number, b""), "little")
            if ticks:
                return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%d %H:%M UTC")
        return ""

    def _read_html(self) -> str:
        content = self._read_bytes(self._folder, f"{_HTML}0102")
        if content:
            return RawFile(content).markup()
        return self._read_text(self._folder, _HTML)

    def _read_text(self, folder: Folder, number: str) -> str:
        if wide := self._read_bytes(folder, f"{number}001F"):
            return clean_file_text(wide.decode("utf-16-le", "replace")).strip()
        return clean_file_text(decode_file_text(self._read_bytes(folder, f"{number}001E"), self._charset)).strip()

    def _read_bytes(self, folder: Folder, name: str) -> bytes:
        path = [*folder, f"__substg1.0_{name}"]
        if not self._ole.exists(path) or self._ole.get_type(path) != STGTY_STREAM:
            return b""
        with self._ole.openstream(path) as stream:
            content: bytes = stream.read()
        return content

    def _list_folders(self, prefix: str) -> list[Folder]:
        depth = len(self._folder) + 1
        paths = self._ole.listdir(streams=False, storages=True)
        return [
            tuple(p) for p in paths if len(p) == depth and tuple(p[:-1]) == self._folder and p[-1].startswith(prefix)
        ]

    def _list_properties(self) -> dict[int, bytes]:
        path = [*self._folder, "__properties_version1.0"]
        if not self._ole.exists(path):
            return {}
        with self._ole.openstream(path) as stream:
            entries = stream.read()[_HEADS[bool(self._folder)] :]
        chunks = (entries[at : at + _ENTRY] for at in range(0, len(entries) - _ENTRY + 1, _ENTRY))
        return {int.from_bytes(chunk[:4], "little"): chunk[8:] for chunk in chunks}
