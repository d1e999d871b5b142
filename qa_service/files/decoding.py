"""This module decodes the bytes of a text file, whose encoding is often unknown, and cleans the text."""

import codecs
import re
from contextlib import suppress

from qa_service.language.charsets import find_codec

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # It is tried before the mark of UTF-16, because it begins with that mark.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n?")
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


def decode_file_text(content: bytes, charset: str = "") -> str:
    """Decode the bytes of a text.

    Five encodings are tried in this order: the one that a byte order mark names, the caller's `charset` if `find_codec`
    knows it, UTF-8, CP949 and Windows-1252. The first one in which all bytes are valid is taken. In Windows-1252 every
    text can be read, because its invalid bytes become U+FFFD.
    """
    for encoding in filter(None, (find_mark(content), find_codec(charset), "utf-8", "cp949")):
        with suppress(ValueError):
            return content.decode(encoding)
    return content.decode("cp1252", "replace")


def find_mark(content: bytes) -> str:
    """Return the encoding that the byte order mark names, or an empty text where there is no mark."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")


def clean_file_text(text: str) -> str:
    """Return the text with `\\n` for every line end, and without control characters, byte order marks and halves of
    surrogate pairs, because neither the store nor a wire format takes them."""
    return _INVISIBLE.sub("", _LINE_END.sub("\n", text))
