"""This module decodes the texts of a form's fields, which come as bytes in whatever charset their sender uses.

A field's own part may name its charset, or else the form's field `_charset_` (HTML, and RFC 7578, section 4.6), or else
the request's content type. Where none of them does, it is UTF-8, or CP949 that looks Korean.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from qa_service.errors import BadRequest, TooLarge
from qa_service.language.charsets import decode_sent, find_codec
from qa_service.pause import LongWork

FIELDS = 200
FIELD_BYTES = 4 << 20
"""The fields of a request may have so many bytes together, without its files. A long conversation fits."""
CHARSET_FIELD = "_charset_"
GAP = 1 << 14
"""Bytes that are unquoted at a stretch, which takes up to 4 ms. Then other requests of this worker may go on."""
LOST = "\ufffd"
# A pair of halves is matched as a whole, before its first half could be.
_SURROGATES = re.compile(
    r"\\u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2}))"
)


class SentField(Struct, frozen=True):
    """A field as it was sent. `charset` is the one that its own part names, and empty where none is named."""

    name: str
    content: bytes
    charset: str = ""


def split_urlencoded(sent: bytes) -> list[SentField]:
    """Split a query string, or a body of the type `application/x-www-form-urlencoded`, into its fields. Raises
    `TooLarge` for too many."""
    if sent.count(b"&") >= FIELDS:
        raise TooLarge(f"more than {FIELDS} fields")
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
    if "\\ud" not in written and "\\uD" not in written:
        return written
    return "".join(_replace_halves(written))


def decode_sent_text(content: bytes, charset: str, name: str) -> str:
    """Decode one text. Raises `BadRequest`, which calls it `name`."""
    if charset and not find_codec(charset):
        raise BadRequest(
            f"{name}: the charset {charset[:50]!r} isn't read; expected utf-8, euc-kr or the like", field=name
        )
    text = decode_sent(content, charset)
    if text is None:
        why = f"not text in {charset}, which it is said to be" if charset else "not UTF-8, and no charset is named"
        raise BadRequest(f"{name}: {why}; expected UTF-8, or a charset parameter such as charset=euc-kr", field=name)
    return text


def _replace_halves(written: str) -> Iterator[str]:
    start, work = 0, LongWork()
    while found := _SURROGATES.search(written, start):
        before, start = written[start : found.start()], found.end()
        yield before
        backslashes = len(before) - len(before.rstrip("\\"))
        if backslashes % 2:  # the last of them and the one that was found stand for a single backslash, and no escape
            start = found.start() + 2
            yield "\\u"
        else:
            yield "\\ufffd" if found["half"] else found[0]
        work.end_step()
    yield written[start:]


def _unquote(sent: bytes) -> bytes:
    sent = sent.replace(b"+", b" ")
    if len(sent) <= GAP:
        return unquote_to_bytes(sent)
    return b"".join(_unquote_pieces(sent))


def _unquote_pieces(sent: bytes) -> Iterator[bytes]:
    start, work = 0, LongWork()
    while start < len(sent):
        end = start + GAP
        escape = sent.find(b"%", end - 2, end)  # the end of the piece must not cut it in two
        end = end if escape < 0 else escape
        yield unquote_to_bytes(sent[start:end])
        start = end
        work.end_step()
