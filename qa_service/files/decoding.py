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
# This finds `charset=…` in a meta element, and `encoding="…"` in the declaration of XML.
_DECLARED = re.compile(
    rb"""<meta\b[^>]{0,200}?\bcharset\s*=\s*["']?\s*([\w.:-]{2,40})"""
    rb"""|<\?xml\b[^>]{0,100}?\bencoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4_096
"""HTML and XML name their encoding within so many bytes. The standard says 1,024, but some pages begin with
long comments."""
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


def find_declared_charset(content: bytes) -> str:
    """Find the charset that HTML or XML names in its first bytes. It is empty where none is named.

    What calls itself UTF-16 or UTF-32 here is neither, because this name could be read as ASCII.
    """
    found = _DECLARED.search(content, 0, _DECLARED_WITHIN)
    charset = (found[1] or found[2]).decode() if found else ""
    return "utf-8" if find_codec(charset).startswith(("utf-16", "utf-32")) else charset


def clean_file_text(text: str) -> str:
    """Return the text with `\\n` for every line end, and without control characters, byte order marks and halves of
    surrogate pairs, because neither the store nor a wire format takes them."""
    return _INVISIBLE.sub("", _LINE_END.sub("\n", text))
