"""This module reads the files in a ZIP, each by the reader of its own kind."""

import zlib
from collections.abc import Iterator
from io import BytesIO
from lzma import LZMAError
from zipfile import BadZipFile, ZipFile, ZipInfo

from qa_service.errors import Unreadable
from qa_service.files.decoding import decode_file_text
from qa_service.files.inner import InnerFile, find_room, read_inner_files
from qa_service.files.segment import InnerRoom, RawFile, Segment

_ENCRYPTED, _UTF8 = 1, 1 << 11
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
"""Systems put these into archives by themselves, and nobody reads them."""
_BROKEN = (BadZipFile, EOFError, LZMAError, OSError, zlib.error)


def read_zip(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of all files in the archive, in the order of the archive."""
    try:
        archive = ZipFile(BytesIO(raw.content))
    except _BROKEN as error:
        raise Unreadable("damaged") from error
    with archive:
        room = find_room(raw)
        members = [member for member in archive.infolist() if not member.is_dir()]
        named = ((member, decode_member_name(member)) for member in members)
        wanted = [(member, name) for member, name in named if not _is_litter(name)]
        yield from read_inner_files((_unpack(archive, *one, room) for one in wanted), raw, room)


def decode_member_name(member: ZipInfo) -> str:
    """Decode the name of a member. Where the archive doesn't say that it is UTF-8, zipfile reads it in the code page
    of DOS, although it is mostly written in that of the sender's Windows."""
    name = member.filename
    if member.flag_bits & _UTF8 or name.isascii():
        return name
    try:
        return decode_file_text(name.encode("cp437"))
    except UnicodeEncodeError:
        return name


def _is_litter(name: str) -> bool:
    return name.startswith(_LITTER[0]) or name.rpartition("/")[2] in _LITTER


def _unpack(archive: ZipFile, member: ZipInfo, name: str, room: InnerRoom) -> InnerFile:
    """Unpack one member. zipfile unpacks no more bytes than the member declares."""
    if member.flag_bits & _ENCRYPTED:
        return InnerFile(name, b"", reason="encrypted")
    if member.file_size > room.bytes:
        return InnerFile(name, b"", reason="too_large")
    try:
        return InnerFile(name, archive.read(member))
    except NotImplementedError:
        return InnerFile(name, b"", reason="unsupported")
    except _BROKEN:
        return InnerFile(name, b"", reason="damaged")
