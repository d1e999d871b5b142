"""This module checks an archive of XML, as office programs write it, before any library unpacks it."""

import zlib
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from qa_service.errors import Unreadable

MOST_UNPACKED = 200_000_000
"""All members together may have at most this many bytes when they are unpacked. The bound isn't a ratio, because
packing may shrink an honest file to less than a hundredth."""

_ENCRYPTED = 1
_MANIFEST = "META-INF/manifest.xml"


def check_archive(content: bytes, streamed: str = "") -> None:
    """Raise `Unreadable` for an archive that is too large when unpacked, encrypted or damaged. Members whose names
    begin with `streamed` aren't looked at, because their reader takes them in pieces and bounds them.

    XML that declares a document type counts as damaged: no office program writes such a declaration, and hostile XML
    needs one to define entities.
    """
    try:
        with ZipFile(BytesIO(content)) as archive:
            _check_members(archive, streamed)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise Unreadable("damaged") from error


def _check_members(archive: ZipFile, streamed: str) -> None:
    members = [member for member in archive.infolist() if not streamed or not member.filename.startswith(streamed)]
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Unreadable("encrypted")
    # The size that a member declares can be believed, because zipfile unpacks no more bytes than that.
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        raise Unreadable("too_large")
    # The zero bytes are taken out, because ASCII characters in UTF-16 then look as they do in ASCII.
    xml = (archive.read(m).translate(None, b"\0") for m in members if m.filename.endswith((".xml", ".rels")))
    if any(b"<!DOCTYPE" in text for text in xml):
        raise Unreadable("damaged")


def refuse_encrypted(archive: ZipFile) -> None:
    """Raise `Unreadable` where the manifest says that members are encrypted, as OpenDocument and HWPX write it."""
    if _MANIFEST in archive.namelist() and b"encryption-data" in archive.read(_MANIFEST):
        raise Unreadable("encrypted")
