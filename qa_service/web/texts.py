"""This module decodes the texts of a form's fields, which come as bytes in whatever charset their sender uses.

The charset is the one that the field's own part names, or else the form's field `_charset_` (HTML, and RFC 7578,
section 4.6), or else the request's content type. Where none of them names one, a text is read as UTF-8, or as CP949 if
it isn't UTF-8 and looks Korean then.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from qa_service.errors import BadRequest, TooLarge
from qa_service.language.charsets import decode_sent, find_codec
from qa_service.pause import LongWork

MOST_FIELDS = 200
FIELD_BYTES = 4 << 20
"""The fields of a request may have this many bytes together, without its files. A long conversation fits."""
CHARSET_FIELD = "_charset_"
LOOKED_THROUGH = 1 << 20
"""This many characters are looked through without a pause, which takes 1 to 2 ms."""
_GAP = 1 << 14
"""This many bytes are unquoted without a pause, which takes up to 4 ms. Then other requests of this worker may go
on."""
LOST = "\ufffd"
# A pair of halves is matched as a whole, so that its first half isn't matched alone.
_SURROGATES = re.compile(
    r"\\u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2}))"
)


class SentField(Struct, frozen=True):
    """A `SentField` is a field as it was sent. `charset` is the one that the field's own part names, or empty where
    none is named."""

    name: str
    content: bytes
    charset: str = ""


def split_urlencoded(sent: bytes) -> list[SentField]:
    """Split a query string, or a body of the type `application/x-www-form-urlencoded`, into its fields. Raises
    `TooLarge` for too many."""
    if sent.count(b"&") >= MOST_FIELDS:
        raise TooLarge(f"the request has more than {MOST_FIELDS} fields")
    pairs = [pair.partition(b"=") for pair in sent.split(b"&") if pair]
    return [SentField(_unquote(name).decode("latin-1"), _unquote(content)) for name, _, content in pairs]


def decode_fields(sent: Sequence[SentField], charset: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field's name and text. `charset` is the one that the request names. Raises `BadRequest`, which names
    the field."""
    named = [field.content.decode("latin-1") for field in sent if field.name == CHARSET_FIELD]
    of_form = next((name for name in reversed(named) if name.strip()), charset)
    work = LongWork()
    for field in sent:
        yield field.name, decode_sent_text(field.content, field.charset or of_form, field.name)
        work.end_step()


def replace_lone_halves(written: str) -> str:
    """Put U+FFFD in place of each half of a surrogate pair that stands alone in JSON, as JavaScript leaves one where it
    cuts a text inside of an emoji. No UTF-8 text can hold it."""
    if not _has_half(written):
        return written
    return "".join(_replace_halves(written))


def decode_sent_text(content: bytes, charset: str, name: str) -> str:
    """Decode one text. Raises `BadRequest`, whose message calls the text `name`."""
    if charset and not find_codec(charset):
        raise BadRequest(
            f"{name}: the charset {charset[:50]!r} isn't read; expected utf-8, euc-kr or the like", field=name
        )
    text = decode_sent(content, charset)
    if text is None:
        why = f"it isn't text in {charset}, as was said" if charset else "it isn't UTF-8, and no charset is named"
        raise BadRequest(f"{name}: {why}; expected UTF-8, or a charset parameter such as charset=euc-kr", field=name)
    return text


def _has_half(written: str) -> bool:
    """Tell whether there may be a half. A body with a file in it is long, and is looked through in pieces."""
    work = LongWork()
    for start in range(0, len(written), LOOKED_THROUGH):
        # A half that is cut in two stands in the characters that two pieces have in common.
        piece = written[start : start + LOOKED_THROUGH + len("\\u")]
        if "\\ud" in piece or "\\uD" in piece:
            return True
        work.end_step()
    return False


def _replace_halves(written: str) -> Iterator[str]:
    start, work = 0, LongWork()
    while found := _SURROGATES.search(written, start):
        before, start = written[start : found.start()], found.end()
        yield before
        backslashes = len(before) - len(before.rstrip("\\"))
        if backslashes % 2:  # The last of them and the one that was found stand for a single backslash, and no escape.
            start = found.start() + 2
            yield "\\u"
        else:
            yield "\\ufffd" if found["half"] else found[0]
        work.end_step()
    yield written[start:]


def _unquote(sent: bytes) -> bytes:
    sent = sent.replace(b"+", b" ")
    if len(sent) <= _GAP:
        return unquote_to_bytes(sent)
    return b"".join(_unquote_pieces(sent))


def _unquote_pieces(sent: bytes) -> Iterator[bytes]:
    start, work = 0, LongWork()
    while start < len(sent):
        end = start + _GAP
        escape = sent.find(b"%", end - 2, end)  # The end of the piece must not cut an escape in two.
        end = end if escape < 0 else escape
        yield unquote_to_bytes(sent[start:end])
        start = end
        work.end_step()
