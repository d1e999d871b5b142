"""This module takes the files out of messages in JSON, in which clients send them as data URLs.

The parts of a message are read in every shape that clients of OpenAI's APIs and chat pages write them. Each file is
written to disk as an upload is, so that everything behind the web reads both alike. Addresses of pictures and files are
never fetched, and ids of files that were uploaded elsewhere mean nothing here. Both are refused, because an answer
without the file would miss the point.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.conversation import PAGES_OWN, TEXT_TYPES
from qa_service.errors import InvalidField
from qa_service.fields import decode_list
from qa_service.pause import LongWork
from qa_service.submission import Submission
from qa_service.web.texts import FIELD_BYTES
from qa_service.web.uploads import Spool, UploadLimits

_PICTURES = ("image_url", "input_image", "image")
_FILES = ("file", "input_file")
_PIECE = 1 << 16
"""This many characters of base64 are decoded at once."""
_DATA_URL = re.compile(r"data:([\w.+-]+/([\w.+-]+))?(?:;(?!base64,)[^;,]{0,100}){0,5}(;base64)?,", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:")


class _Address(Struct, frozen=True):
    url: str = ""


class _SentFile(Struct, frozen=True):
    filename: str | None = None
    file_data: str | None = None


class _SentPart(Struct, frozen=True):
    """A `_SentPart` is a part of a message: a text, or a file in one of the shapes that clients know."""

    type: str = "text"
    text: str | None = None
    image_url: str | _Address | None = None
    image: str | None = None
    file: _SentFile | None = None
    filename: str | None = None
    file_data: str | None = None
    url: str | None = None
    data: object = None
    """This holds the bytes of a file, or whatever else a chat page keeps under this name."""
    media_type: str | None = msgspec.field(name="mediaType", default=None)


class SentMessage(Struct, frozen=True):
    """A `SentMessage` is a message as a client sent it, or an item of OpenAI's Responses API."""

    type: str = ""
    role: str | None = None
    content: str | list[str | _SentPart] | None = None
    parts: list[str | _SentPart] = []

    @property
    def pieces(self) -> Sequence[str | _SentPart]:
        """Return what the message is made of, in its order."""
        if isinstance(self.content, str):
            return (self.content,) if self.content or not self.parts else self.parts
        return self.content or self.parts

    @property
    def text(self) -> str:
        """Return the text of the message, without anything else."""
        return "".join(
            piece if isinstance(piece, str) else piece.text or ""
            for piece in self.pieces
            if isinstance(piece, str) or piece.type in TEXT_TYPES
        )


class Attachment(Struct, frozen=True):
    """An `Attachment` is a file inside of a message. `content` is its data URL, or its bytes in base64."""

    message: int
    """This is the number of the message that has the file, counted from 0."""
    name: str
    content: str


def read_sent_messages(value: object, field: str) -> list[SentMessage]:
    """Read messages, as JSON or decoded. A refusal calls them `field`."""
    expected = "a list of messages, each with a role and with content as text or as a list of parts"
    return decode_list(value, list[SentMessage], field, expected)


def write_plain_messages(messages: Iterable[SentMessage]) -> list[dict[str, Any]]:
    """Write messages as `read_messages` reads them, with their text alone."""
    return [
        {"role": message.role, "content": message.text} if message.role else {"type": message.type}
        for message in messages
    ]


def list_attachments(messages: Sequence[SentMessage], field: str) -> list[Attachment]:
    """List the files in what the user said. Raises `InvalidField`, which names `field`, for a part that isn't read."""
    return [
        attachment
        for number, message in enumerate(messages)
        if message.role == "user"
        for piece in message.pieces
        if not isinstance(piece, str) and (attachment := _read_attachment(number, piece, field))
    ]


def attach_files(
    sent: Submission, attachments: Iterable[Attachment], limits: UploadLimits, *, field: str
) -> Submission:
    """Write the files to disk, and return the submission with them. Raises `TooManyFiles`, `TooLarge`, or
    `InvalidField`, which names `field`. Nothing stays on disk then."""
    spool = Spool(limits)
    try:
        for attachment in attachments:
            spool.keep_file(attachment.name, _decode_content(attachment, field))
    except BaseException:
        spool.discard_files()
        raise
    return replace(sent, files=(*sent.files, *spool.close_files()))


def room_for_attachments(limits: UploadLimits) -> int:
    """Return how many bytes a JSON body with files may have: one file of the largest size fits, or several that have as
    many bytes together. Base64 takes four bytes for three."""
    return FIELD_BYTES + 4 * limits.file // 3


def _read_attachment(number: int, part: _SentPart, field: str) -> Attachment | None:
    if part.type in TEXT_TYPES or part.type.startswith(PAGES_OWN):
        return None
    if part.type not in _PICTURES + _FILES:
        raise InvalidField(
            f"{field}: expected parts of the user's that are text, pictures or files, not {part.type[:50]!r}",
            field=field,
        )
    content = _content_of(part)
    kind = _DATA_URL.match(content)
    if not content or (not kind and _ADDRESS.match(content)):
        raise InvalidField(
            f"{field}: expected the bytes of a {part.type} part as a data URL; an address isn't fetched, and the id of "
            "a file isn't known here",
            field=field,
        )
    return Attachment(number, _name_of(part) or _make_name(part, kind), content)


def _content_of(part: _SentPart) -> str:
    address = part.image_url.url if isinstance(part.image_url, _Address) else part.image_url
    inside = part.file.file_data if part.file else None
    data = part.data if isinstance(part.data, str) else ""
    return address or inside or part.file_data or part.url or data or part.image or ""


def _name_of(part: _SentPart) -> str:
    return (part.file and part.file.filename) or part.filename or ""


def _make_name(part: _SentPart, kind: re.Match[str] | None) -> str:
    """Make a name for a file that came without one. Its kind is told by its bytes, so the name is for people alone."""
    stem = "image" if part.type in _PICTURES else "file"
    subtype = (kind and kind[2]) or ""
    return f"{stem}.{subtype.lower()}" if re.fullmatch(r"\w{1,8}", subtype) else stem


def _decode_content(attachment: Attachment, field: str) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces. Between them the worker's other requests have their turn."""
    content, kind, work = attachment.content, _DATA_URL.match(attachment.content), LongWork()
    if kind and not kind[3]:
        raise InvalidField(f"{field}: expected base64 in the data URL of {attachment.name!r}", field=field)
    rest = ""
    for at in range(kind.end() if kind else 0, len(content), _PIECE):
        piece = rest + "".join(content[at : at + _PIECE].split())  # Some clients break base64 into lines.
        whole = len(piece) - len(piece) % 4
        yield _decode_piece(piece[:whole], attachment, field)
        rest = piece[whole:]
        work.end_step()
    yield _decode_piece(rest + "=" * (-len(rest) % 4), attachment, field)


def _decode_piece(piece: str, attachment: Attachment, field: str) -> bytes:
    try:
        return binascii.a2b_base64(piece, strict_mode=True)
    except ValueError:
        raise InvalidField(f"{field}: expected base64 in {attachment.name!r}", field=field) from None
