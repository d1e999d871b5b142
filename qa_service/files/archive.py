"""Zipped XML, looked at before any library unpacks it."""

import zlib
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from qa_service.errors import Unreadable

MOST_UNPACKED = 200_000_000
"""Bytes of all members together. Not a ratio: honest files shrink to less than a hundredth."""

_ENCRYPTED = 1


def check(content: bytes) -> None:
    """Raise `Unreadable` for a bomb, a password, a broken archive, or XML that declares a document type: no office
    program writes one, and entities are how XML attacks."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            _check(archive)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise Unreadable("damaged") from error


def _check(archive: ZipFile) -> None:
    members = archive.infolist()
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Unreadable("encrypted")
    # What a member declares can be believed: zipfile gives out no byte more.
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        raise Unreadable("too_large")
    # Without its zeros, UTF-16 reads like ASCII.
    xml = (archive.read(name).translate(None, b"\0") for name in archive.namelist() if name.endswith((".xml", ".rels")))
    if any(b"<!DOCTYPE" in text for text in xml):
        raise Unreadable("damaged")
