"""This module tells which parts of a multipart body (RFC 7578) are fields, and which are files.

The parser is a library's that works without I/O, keeps headers short, and costs 9 µs for three fields. Flask's
compiles patterns for each body, which costs 250 µs of the 800 µs that a request takes, and it puts U+FFFD in place of
what isn't UTF-8. The library is asked to read headers as Latin-1, in which every byte is a character, so that the
bytes of a name can be had again.
"""

import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from qa_service.errors import BadMultipart, BadRequest, TooLarge
from qa_service.language.charsets import decode_sent
from qa_service.submission import is_file_field, present_fields
from qa_service.web.bodies import GULP, RequestBody
from qa_service.web.texts import FIELD_BYTES, MOST_FIELDS, SentField, decode_fields
from qa_service.web.uploads import Spool, decode_name

_HEADERS = "latin-1"
FIELD_TYPES = (None, "text/plain")
"""A part without a file name that has one of these types is a text. A part without a type is `text/plain` (RFC 7578,
section 4.4). A part of any other type is a file whose name isn't known (section 4.2)."""
AS_IT_IS = ("", "7bit", "8bit", "binary")
EXTENDED_NAME = re.compile(r"""filename\*\s*=\s*"?([A-Za-z0-9_-]{0,40})'[^'"]*'([^;\s"]*)""", re.IGNORECASE)
"""Some clients send a file's name that isn't ASCII in this way (RFC 8187)."""


class SentAsFile:
    """A `SentAsFile` is the value of a field that came with a file's name. It isn't text, so whoever reads a text
    refuses it."""


def read_parts(body: RequestBody, boundary: str, spool: Spool, *, charset: str) -> dict[str, object]:
    """Read the fields, and write what came in a field of files to the spool. Any other field that came as a file is
    `SentAsFile`. `charset` is the one that the request names.

    Raises `BadMultipart`, `BadRequest` for a text in an unknown charset, `TooLarge` or `TooManyFiles`.
    """
    reader = _PartReader(spool)
    try:
        parser = PushMultipartParser(boundary, header_charset=_HEADERS)
        events = parser.parse_blocking(body.read, GULP)
        for part in events:
            # After a part's head the parser gives the pieces of the part's content, and then None.
            reader.take_part(part, iter(events.__next__, None))
    except MultipartError as error:
        raise BadMultipart(f"the body isn't multipart/form-data, or it is cut short: {error}") from None
    except BadRequest as error:
        raise BadMultipart(error.message) from None
    return present_fields([*decode_fields(reader.fields, charset), *reader.sent_as_files])


class _PartReader:
    """A `_PartReader` takes parts one by one, each with the pieces of its content, and puts them where they belong."""

    def __init__(self, spool: Spool) -> None:
        self.fields: list[SentField] = []
        self.sent_as_files: list[tuple[str, SentAsFile]] = []
        self._spool = spool
        self._parts = 0
        self._room = FIELD_BYTES

    def take_part(self, part: MultipartSegment, pieces: Iterator[bytes]) -> None:
        """Take the next part."""
        self._parts += 1
        if self._parts > MOST_FIELDS:
            raise TooLarge(f"the request has more than {MOST_FIELDS} fields and files")
        _check_encoding(part)
        file_name = _read_file_name(part)
        if is_file_field(part.name) and (file_name is not None or part.content_type not in FIELD_TYPES):
            self._spool.keep_file(file_name or "", pieces, part.charset or "")
        elif file_name is not None:
            if file_name or any(pieces):
                self.sent_as_files.append((part.name, SentAsFile()))
            deque(pieces, maxlen=0)
        else:
            self.fields.append(SentField(part.name, b"".join(self._within_room(pieces)), part.charset or ""))

    def _within_room(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._room -= len(piece)
            if self._room < 0:
                raise TooLarge(f"the fields are larger than {FIELD_BYTES} bytes")
            yield piece


def _check_encoding(part: MultipartSegment) -> None:
    encoding = part.header("Content-Transfer-Encoding", "").strip().lower()
    if encoding not in AS_IT_IS:
        raise BadMultipart(f"{part.name}: Content-Transfer-Encoding {encoding[:50]!r} isn't read; expected plain bytes")


def _read_file_name(part: MultipartSegment) -> str | None:
    """Read the file's name. Browsers send an empty name where nobody chose a file. The result is None where no name is
    sent."""
    if extended := EXTENDED_NAME.search(part.header("Content-Disposition")):
        sent = unquote_to_bytes(extended[2])
        return decode_sent(sent, extended[1]) or decode_name(sent)
    return None if part.filename is None else decode_name(part.filename.encode(_HEADERS))
