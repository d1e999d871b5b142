"""This module reads mails with their attachments, and web pages that were saved as one file, which have the same form.

The first page of a mail has its most important headers and its text. Each attachment comes after it, and is read by the
reader of its own kind.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesParser
from io import BytesIO

from msgspec import Struct, field
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.decoding import clean_file_text, decode_file_text
from qa_service.files.headers import find_charset, find_file_name, read_header, shorten_parameters
from qa_service.files.hypertext import read_hypertext
from qa_service.files.inner import InnerFile, find_room, read_inner_files
from qa_service.files.segment import RawFile, Segment

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_LETTERS = ("text/plain", "text/html")
_UNREAD = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
"""These parts belong to the form of a mail, and say nothing."""
_LOCKED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_FLOWED = re.compile(r" \n(?!>|-- )")
_MOST_PARTS = 2_000
_SMALL_PICTURE = 10_000
"""A picture within the text that has fewer bytes is a logo or a ruler. A photo has a hundred times as many."""


class _Parts(Struct):
    """A `_Parts` holds the parts of one mail."""

    letters: list[Message] = field(default_factory=list)
    """These are the parts with the text of the mail itself, in their order."""
    files: list[InnerFile] = field(default_factory=list)


def read_mail(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of a mail and of its attachments."""
    message = BytesParser().parsebytes(raw.content.removeprefix(BOM_UTF8))
    parts = _sort_parts(message)
    subject = read_header(message, "Subject")
    yield Segment(f"{_write_headers(message, parts)}\n\n", section=subject, pages=1 + len(parts.files))
    for letter in parts.letters:
        for segment in _read_letter(letter):
            yield replace(segment, section=segment.section or subject, pages=1 + len(parts.files))
    yield from read_inner_files(parts.files, raw, find_room(raw), first_page=2)


def read_saved_page(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of a web page that was saved as one file, and then those of the pages in its frames."""
    message = BytesParser().parsebytes(raw.content.removeprefix(BOM_UTF8))
    pages = [part for part in _walk(message) if part.get_content_type() in ("text/html", "application/xhtml+xml")]
    if not pages:
        yield from read_mail(raw)
        return
    for page in pages:
        yield from _read_letter(page)


def _sort_parts(message: Message) -> _Parts:
    parts = _Parts()
    for part in _walk(message):
        kind, name = part.get_content_type(), find_file_name(part)
        is_attached = part.get_content_disposition() == "attachment" or bool(name)
        if kind in _LOCKED:
            parts.files.append(InnerFile(name or "smime.p7m", b"", reason="encrypted"))
        elif kind == "message/rfc822":
            parts.files.append(_read_forwarded(part, name))
        elif kind in _LETTERS and not is_attached:
            parts.letters.append(part)
        elif not _is_decoration(part, kind, content := _read_payload(part)):
            parts.files.append(InnerFile(name or kind, content, find_charset(part)))
    return parts


def _walk(message: Message) -> Iterator[Message]:
    """Give the parts that hold no other parts, and messages within the message as they are. Of several forms of the
    same text the last one that can be read is given, as the standard says."""
    stack, left = [message], _MOST_PARTS
    while stack and left:
        part = stack.pop()
        shorten_parameters(part)
        left -= 1
        inner = _list_inner(part)
        if not inner or part.get_content_type() == "message/rfc822" or part.get_content_type() in _LOCKED:
            yield part
        elif part.get_content_type() == "multipart/alternative":
            stack.append(_choose_form(inner))
        else:
            stack.extend(reversed(inner))


def _list_inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def _choose_form(forms: list[Message]) -> Message:
    readable = [form for form in forms if form.is_multipart() or form.get_content_type() in _LETTERS]
    return (readable or forms)[-1]


def _is_decoration(part: Message, kind: str, content: bytes) -> bool:
    """Tell whether this part is a small picture within the text, or a signature that only programs read. Phones put
    their photos into the text, and firms their logos."""
    is_shown_in_text = part.get_content_disposition() != "attachment" and "content-id" in part
    is_small_picture = kind.startswith("image/") and len(content) < _SMALL_PICTURE
    return kind in _UNREAD or (is_shown_in_text and is_small_picture)


def _read_forwarded(part: Message, name: str) -> InnerFile:
    message = next(iter(_list_inner(part)), part)
    name = name or read_header(message, "Subject") or "message"
    try:
        return InnerFile(name, _write_message(message), kind="eml")
    except (LookupError, ValueError):
        return InnerFile(name, b"", reason="damaged")


def _write_message(message: Message) -> bytes:
    # `as_bytes` would import the generator, which a sandbox forbids.
    content = BytesIO()
    BytesGenerator(content, mangle_from_=False).flatten(message)
    return content.getvalue()


def _read_payload(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _read_letter(part: Message) -> Iterator[Segment]:
    content, charset = _read_payload(part), find_charset(part)
    if part.get_content_type() != "text/plain":
        yield from read_hypertext(RawFile(content, charset).markup())
        return
    text = clean_file_text(decode_file_text(content, charset))
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _FLOWED.sub(" ", text)
    if text.strip():
        yield Segment(f"{text.strip()}\n\n")


def _write_headers(message: Message, parts: _Parts) -> str:
    shown = [(name, read_header(message, name)) for name in _SHOWN]
    names = ", ".join(file.name for file in parts.files)
    lines = [f"{name}: {value}" for name, value in [*shown, ("Attachments", names)] if value]
    if not lines and not parts.letters and not parts.files:
        raise Unreadable("empty")
    return "\n".join(lines)
