"""This module finds the kind of a file by its bytes, because its name and its declared content type may be wrong."""

import re
import zlib
from io import BytesIO
from pathlib import PurePath
from zipfile import BadZipFile, ZipFile

from qa_service.files.decoding import find_mark

_HANGUL = b"HWP Document File"
_SIGNATURES = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"{\\rtf", "rtf"),
    (_HANGUL, "hwp"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x8b", "gzip"),
    (b"ID3", "mp3"),
)
_INNER_SIGNATURES = ((8, b"WEBP", "webp"), (4, b"ftyphei", "heic"), (4, b"ftyp", "mp4"))
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MEMBERS = (
    ("word/", "docx"),
    ("xl/", "xlsx"),
    ("ppt/", "pptx"),
    ("Contents/section0.xml", "hwpx"),
    ("META-INF/container.xml", "epub"),
    ("content.xml", "odf"),
)
_MIME_TYPES = {
    b"application/hwp+zip": "hwpx",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
}
"""A zip may have a member `mimetype` that says what it is."""
_LONGEST_TYPE = 80
_OLE_STREAMS = (
    ("EncryptedPackage", "office"),
    ("HwpSummaryInformation", "hwp"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
_TEXT_SUFFIXES = {".md": "md", ".markdown": "md", ".csv": "csv", ".tsv": "csv", ".htm": "html", ".html": "html"}
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1b"))
_HEAD = 8192
_PDF_HEAD = 1024
_TEXT_CONTROLS = 0.01
"""Text may have at most this share of control characters."""


def sniff_kind(content: bytes, name: str) -> str:
    """Return the kind of a file: one of `KINDS`, or the most likely one of other kinds, or `unknown`.

    The name counts only for text that isn't HTML, because the bytes don't tell the other kinds of text apart.
    """
    if content.startswith(_ZIPS):
        return _kind_of_zip(content)
    if content.startswith(_OLE):
        return _kind_of_ole(content)
    return _kind_by_signature(content) or _kind_of_text(content[:_HEAD], name)


def _kind_by_signature(content: bytes) -> str:
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    for offset, signature, kind in _INNER_SIGNATURES:
        if content.startswith(signature, offset):
            return kind
    # PDF readers accept up to 1,024 bytes of something else before the signature, for example the headers of a mail.
    return "pdf" if b"%PDF-" in content[:_PDF_HEAD] and b" obj" in content else ""


def _kind_of_zip(content: bytes) -> str:
    try:
        with ZipFile(BytesIO(content)) as archive:
            names = archive.namelist()
            if kind := _read_mime_type(archive):
                return kind
    except BadZipFile:
        # The archive is cut short, and its list of names, which is at the end, is missing. But each name also stands
        # before its member.
        names = [prefix for prefix, _ in _ZIP_MEMBERS if prefix.encode() in content]
    return next((kind for prefix, kind in _ZIP_MEMBERS if any(name.startswith(prefix) for name in names)), "zip")


def _read_mime_type(archive: ZipFile) -> str:
    """Return the kind that the archive says it is, or an empty text. Templates are read as what they are templates
    for."""
    if "mimetype" not in archive.namelist():
        return ""
    try:
        with archive.open("mimetype") as member:
            written = member.read(_LONGEST_TYPE).strip().removesuffix(b"-template")
    except (RuntimeError, NotImplementedError, zlib.error, EOFError):
        return ""
    return _MIME_TYPES.get(written, "")


def _kind_of_ole(content: bytes) -> str:
    if _HANGUL in content:
        return "hwp"
    return next((kind for stream, kind in _OLE_STREAMS if stream.encode("utf-16-le") in content), "ole")


def _kind_of_text(head: bytes, name: str) -> str:
    encoding = find_mark(head)
    if encoding.startswith(("utf-16", "utf-32")):
        head = head.decode(encoding, "ignore").encode()
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if not head or controls > _TEXT_CONTROLS * len(head):
        return "unknown"
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    return _TEXT_SUFFIXES.get(PurePath(name).suffix.lower(), "txt")
