"""This module decodes the headers of a mail, which come as encoded words, as parameters, or as bytes."""

import re
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header
from email.message import Message

from qa_service.files.decoding import decode_file_text

_LONGEST = 10_000
"""At most this many characters of a header are decoded. Some mails have thousands of receivers."""
_WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})
_LONGEST_PARAMETERS = 4_000
_QUOTED_WORD = re.compile(r'"(=\?[^"]{1,2000}\?=)"')
_SPACE = re.compile(r"\s+")


def read_header(message: Message, name: str) -> str:
    """Return a header as people read it, on one line. It is empty where the message has no such header."""
    # `get` would replace bytes that aren't ASCII.
    values = (str(value) for key, value in message.raw_items() if key.lower() == name.lower())
    return _SPACE.sub(" ", decode_words(next(values, "")[:_LONGEST])).strip()


def decode_words(value: str) -> str:
    """Decode the encoded words in a text, and bytes that aren't ASCII. Some mail programs put quotes around encoded
    words, which forbids to decode them, but is never meant so."""
    value = _QUOTED_WORD.sub(r"\1", value)
    with suppress(MessageError, LookupError, ValueError):
        return "".join(_decode_word(word, charset) for word, charset in decode_header(value))
    return _decode_word(value, None)


def _decode_word(word: bytes | str, charset: str | None) -> str:
    # Bytes beyond ASCII stand in a text as halves of surrogate pairs.
    content = word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word
    if charset is None and isinstance(word, bytes):
        content = word.decode("raw-unicode-escape").encode("utf-8", "surrogateescape")
    return decode_file_text(content, charset or "")


def shorten_parameters(message: Message) -> None:
    """Shorten the headers whose parameters are asked for, if they are very long. Python's parser would take the square
    of their length."""
    for name, value in message.raw_items():
        if name.lower() in _WITH_PARAMETERS and len(value) > _LONGEST_PARAMETERS:
            message.replace_header(name, str(value)[:_LONGEST_PARAMETERS].rpartition(";")[0] or "text/plain")


def find_file_name(message: Message) -> str:
    """Return the name of an attachment, or an empty text where it has none."""
    with suppress(MessageError, LookupError, ValueError, TypeError):
        return _SPACE.sub(" ", decode_words(message.get_filename() or "")).strip()
    return ""


def find_charset(message: Message) -> str:
    """Return the charset that a part of a mail names, or an empty text."""
    with suppress(MessageError, LookupError, ValueError, TypeError):
        return str(message.get_content_charset() or "")
    return ""
