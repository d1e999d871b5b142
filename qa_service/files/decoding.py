"""This module decodes the bytes of a text file, whose encoding is often unknown, and cleans the text."""

import codecs
import re
from contextlib import suppress
from unicodedata import combining, normalize

from qa_service.fields import MOST_MARKS, RARE_RUN
from qa_service.language.charsets import find_codec
from qa_service.language.encodings import find_escapes, find_wide_codec, guess_encoding

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # It is tried before the mark of UTF-16, because it begins with that mark.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# This finds `charset=…` in a meta element, and `encoding="…"` in the declaration of XML.
_DECLARED = re.compile(
    rb"""<meta\b[^>]{0,200}?\bcharset\s*=\s*["']?\s*([\w.:-]{2,40})"""
    rb"""|<\?xml\b[^>]{0,100}?\bencoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4_096
"""HTML and XML name their encoding within this many bytes. The standard says 1,024, but some pages begin with
long comments."""
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_TRIPLES = re.compile(rb"(?:[\x00-\x7f]++|[\xe0-\xef][\x80-\xbf]{2})++")
_HIGH = re.compile(rb"[\x80-\xff]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_VALID_SHARE = 0.75
"""This much of a text is valid UTF-8 where it is damaged UTF-8. Of the bytes of Japanese in CP932 half may look
valid."""
_INVALID_SHARE = 0.05
_FEWEST_BYTES = 4
_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3164\uffa0]")
# Two signs without width stay where they belong to the spelling: between letters of Arabic and of India's scripts, and
# the second one within an emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
    "|(?<![\u0600-\u0dff])\u200c|\u200c(?![\u0600-\u0dff])|\u200d(?![\u0600-\u0dff\u2600-\u27bf\U0001f000-\U0001faff])"
)
_RUN_OF_MARKS = re.compile(rb"[^\0]{%d,}" % (MOST_MARKS + 1))


def decode_file_text(content: bytes, charset: str = "") -> str:
    """Decode the bytes of a text.

    The encoding is the one of the byte order mark, or else the caller's `charset`, or UTF-8, or the one that the bytes
    look like. A charset doesn't count where more than a few bytes aren't valid in it. Bytes that aren't valid become
    U+FFFD and spoil no others, and lines of another encoding than the rest are read in theirs.
    """
    if encoding := find_mark(content) or find_wide_codec(content):
        return content.decode(encoding, "replace")
    if (codec := find_codec(charset)) and (text := _decode_nearly(content, codec)) is not None:
        return text
    with suppress(ValueError):
        return content.decode(find_escapes(content) or "utf-8")
    return _decode_lines(content)


def _decode_nearly(content: bytes, codec: str) -> str | None:
    """Decode the bytes if nearly all of them are valid in this encoding."""
    with suppress(ValueError):
        return content.decode(codec)
    text = content.decode(codec, "replace")
    return text if text.count("\ufffd") <= _INVALID_SHARE * len(_NOT_ASCII.findall(text)) else None


def _decode_lines(content: bytes) -> str:
    """Decode a text that isn't UTF-8, or not everywhere."""
    is_utf8 = _is_mostly_utf8(content)
    # In other encodings two bytes look like UTF-8 by chance, but hardly ever all bytes of a line with three in a row.
    proves = _is_mostly_utf8 if is_utf8 else _TRIPLES.fullmatch
    lines = [(line, line.isascii() or bool(proves(line))) for line in content.splitlines(keepends=True)]
    others = b"".join(line for line, is_known in lines if not is_known)
    # A few damaged bytes of UTF-8 say nothing of an encoding. They may be a sign such as © of Windows-1252.
    is_damage = is_utf8 and len(_HIGH.findall(others)) < _FEWEST_BYTES
    codec = "cp1252" if is_damage else guess_encoding(others)
    return "".join(line.decode("utf-8" if is_known else codec, "replace") for line, is_known in lines)


def _is_mostly_utf8(content: bytes) -> bool:
    valid = sum(map(len, _SEQUENCE.findall(content)))
    return valid >= _VALID_SHARE * len(_HIGH.findall(content))


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
    """Return the text as it is searched and quoted: with `\\n` for every line end and page break, usual spaces, with
    composed letters (NFC), and without the signs that nobody sees. Neither the store nor a wire format takes control
    characters or halves of surrogate pairs."""
    return compose_letters(_INVISIBLE.sub("", _SPACE.sub(" ", _LINE_END.sub("\n", text))))


def compose_letters(text: str) -> str:
    """Return the text with composed letters, in linear time. Of more than `MOST_MARKS` accents on one letter the rest
    is left out, because putting them in order takes the square of their number."""
    if text.isascii():
        return text
    if RARE_RUN.search(text):
        kept, start = list[str](), 0
        for run in _RUN_OF_MARKS.finditer(bytes(map(combining, text))):
            kept.append(text[start : run.start() + MOST_MARKS])
            start = run.end()
        text = "".join([*kept, text[start:]])
    return normalize("NFC", text)
