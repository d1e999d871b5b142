"""This module finds the kind of a file by its bytes, because its name and its declared content type may be wrong."""

import re
import zlib
from codecs import BOM_UTF8
from io import BytesIO
from pathlib import PurePath
from zipfile import BadZipFile, ZipFile

import msgspec

from qa_service.files.decoding import find_mark
from qa_service.language.encodings import find_wide_codec, is_likely_text

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
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"%!PS", "ps"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"MThd", "midi"),
    (b"#!AMR", "amr"),
    (b"FLV\x01", "flv"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)
_INNER_SIGNATURES = (
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (8, b"AVI ", "avi"),
    (8, b"AIF", "aiff"),
    (4, b"ftyphe", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftypmsf1", "heic"),
    (4, b"ftypavif", "avif"),
    (4, b"ftyp", "mp4"),
)
_SOUND = re.compile(rb"\xff[\xe2-\xe7\xf0-\xff][^\xf0-\xff]")
"""A frame of MPEG sound begins with these bits. UTF-16 begins with two of them, and is told apart by its text."""
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
    # A message may hold files of the other kinds, so it comes first.
    ("__properties_version1.0", "msg"),
    ("EncryptedPackage", "office"),
    ("HwpSummaryInformation", "hwp"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
_TEXT_SUFFIXES = {
    ".md": "md",
    ".markdown": "md",
    ".csv": "csv",
    ".tsv": "csv",
    ".htm": "html",
    ".html": "html",
    ".xhtml": "html",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".geojson": "json",
}
# Before HTML there may be the declaration of XML, and comments.
_BEFORE = rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*+"
_HTML = re.compile(_BEFORE + rb"<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_PART = re.compile(
    _BEFORE
    + rb"<(?P<tag>svg|meta|title|base|link|style|script|table|div|section|article|main|nav|header|footer|form|center"
    rb"|h[1-6]|p|ul|ol|dl|span|font|b|strong|pre|blockquote)(?:\s[^<>]*)?>.*(?:</(?P=tag)\s*>|<(?:table|div|p|tr|body)\b)",
    re.I | re.S,
)
"""This is a drawing, or a piece of HTML without its frame, as banks and offices let people download it. Markdown may
begin so."""
_HEADER = re.compile(rb"([!-9;-~]{1,60}):[^\n]*\n(?:[ \t][^\n]*\n)*+")
_ENVELOPE = re.compile(rb"From [^\n]*\n")
"""Mailboxes of Unix write this line before the headers of a mail."""
_MAIL_HEADERS = frozenset(
    {b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"received", b"return-path", b"content-type"}
)
_FEWEST_HEADERS = 3
"""A mail has at least this many of `_MAIL_HEADERS`."""
_RELATED = re.compile(rb"^content-type:\s*multipart/related\b", re.I | re.M)
_DELIVERY = frozenset({b"to", b"received", b"message-id", b"return-path"})
_JSON = re.compile(rb'\s*(?:\{\s*(?:"|\})|\[\s*(?:[\[{"\]\d-]|true|false|null))')
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
    return find_signature(content) or _kind_of_text(content, name)


def find_signature(content: bytes) -> str:
    """Return the kind that the first bytes of a file stand for, or an empty text. Nothing is parsed."""
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
    except (BadZipFile, NotImplementedError, ValueError):
        # The archive is cut short or damaged, and its list of names, which is at the end, can't be read. But each name
        # also stands before its member.
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
    kind = next((kind for stream, kind in _OLE_STREAMS if stream.encode("utf-16-le") in content), "ole")
    return "hwp" if kind == "ole" and _HANGUL in content else kind


def _kind_of_text(content: bytes, name: str) -> str:
    head, suffix = _decode_head(content[:_HEAD]), PurePath(name).suffix.lower()
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if not head or controls > _TEXT_CONTROLS * len(head):
        return "unknown"
    named = _TEXT_SUFFIXES.get(suffix, "")
    if _HTML.match(head) or (named != "md" and _HTML_PART.match(head)):
        return "html"
    return named or _kind_of_mail(head) or ("json" if _is_json(content, head) else "txt")


def _decode_head(head: bytes) -> bytes:
    """Return the beginning of a file without a mark, and in an encoding that holds ASCII as it is. It is a zero byte
    for what looks like UTF-16 and is no text."""
    encoding = find_mark(head)
    if encoding == "utf-8-sig":
        return head.removeprefix(BOM_UTF8)
    if encoding or (encoding := find_wide_codec(head)):
        # The head may end within a character.
        text = head.decode(encoding, "ignore").lstrip("\ufeff")
        return text.encode("utf-8", "ignore") if is_likely_text(text) else b"\0"
    return b"\0" if _SOUND.match(head) else head


def _kind_of_mail(head: bytes) -> str:
    """Return the kind of a text that begins with the headers of a mail: `eml`, or `mhtml` for a page that was saved as
    one file, or an empty text."""
    names, end = set[bytes](), envelope.end() if (envelope := _ENVELOPE.match(head)) else 0
    while header := _HEADER.match(head, end):
        names.add(header[1].lower())
        end = header.end()
    if len(names & _MAIL_HEADERS) < _FEWEST_HEADERS:
        return ""
    return "mhtml" if _RELATED.search(head, 0, end) and not names & _DELIVERY else "eml"


def _is_json(content: bytes, head: bytes) -> bool:
    if not _JSON.match(head):
        return False
    try:
        msgspec.json.decode(content.removeprefix(BOM_UTF8), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
