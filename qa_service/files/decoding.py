"""Bytes become text here. Their encoding is often unknown, and Korean ones are tried first."""

import codecs
import re
from contextlib import suppress

from qa_service.language.charsets import find_codec

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # This mark stands before that of UTF-16, which is its beginning.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n?")
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


def decode_file_text(content: bytes, charset: str = "") -> str:
    """Decode the bytes of a text.

    A byte order mark decides. Without one the bytes are read in the caller's `charset` if it is one of those that
    are read here and the bytes agree with it, then as UTF-8 or CP949 if they agree with that. All else is read as
    Windows-1252, whose unknown bytes become U+FFFD.
    """
    for encoding in filter(None, (find_mark(content), find_codec(charset), "utf-8", "cp949")):
        with suppress(ValueError):
            return content.decode(encoding)
    return content.decode("cp1252", "replace")


def find_mark(content: bytes) -> str:
    """Give the encoding that the byte order mark names, or an empty name where there is no mark."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")


def clean_file_text(text: str) -> str:
    """Give the text with `\\n` for every line end. Control characters and halves of surrogate pairs are left out,
    because neither the store nor a wire format takes them."""
    return _INVISIBLE.sub("", _LINE_END.sub("\n", text))
