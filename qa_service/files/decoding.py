"""Text out of bytes whose encoding nobody said, Korean ones first."""

import codecs
import re
from contextlib import suppress

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n?")
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


def decode(content: bytes, charset: str = "") -> str:
    """The text. A byte order mark decides, then the caller's `charset` if the bytes agree, then the first of
    UTF-8 and CP949 that they agree with, else Windows-1252, whose unknown bytes become U+FFFD."""
    for encoding in filter(None, (marked(content), charset, "utf-8", "cp949")):
        with suppress(LookupError, ValueError):
            return content.decode(encoding)
    return content.decode("cp1252", "replace")


def marked(content: bytes) -> str:
    """The encoding that the byte order mark names; empty without one."""
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")


def cleaned(text: str) -> str:
    """The text with `\\n` for every line end, and without control characters and halves of pairs, which no
    store or wire takes."""
    return _INVISIBLE.sub("", _LINE_END.sub("\n", text))
