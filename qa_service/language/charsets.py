"""This module knows the charsets in which text from outside is read, under every name that clients give them.

Some of Python's codecs take quadratic time (`punycode`, `idna`), some unpack data (`zlib`), and some hide markup
(`utf-7`). Python also remembers every unknown name for which it is asked. So a name from outside is looked up here, and
is never handed to `codecs`.
"""

import re
from collections.abc import Mapping

# A pair of bytes in CP949 is one of four things: one of the 2,350 syllables in which nearly all Korean is written, a
# single letter such as ㅋ and ㅠ, a sign such as a quotation mark, or something rare, which is another syllable or a
# Chinese character.
_KOREAN_PAIR = re.compile(
    rb"(?P<syllable>[\xb0-\xc8][\xa1-\xfe])|(?P<letter>\xa4[\xa1-\xfe])|(?P<sign>[\xa1-\xa3][\xa1-\xfe])|(?P<rare>[\x81-\xfe].)",
    re.DOTALL,
)
_SAMPLE = 1 << 14
"""Only this many bytes, from the beginning of a text, decide whether it looks Korean. To look at four megabytes would
take half a second."""
_RARE = 9
"""For each rare pair of bytes, a text that looks Korean has at least this many common syllables."""

# As in the WHATWG's Encoding Standard, some names stand for a larger charset than they say. For example, what Korean
# Windows calls EUC-KR is CP949.
_NAMES = {
    "ascii": "ascii us-ascii",
    "big5hkscs": "big5 big5-hkscs cp950 x-x-big5",
    "cp1250": "cp1250 windows-1250",
    "cp1251": "cp1251 windows-1251",
    "cp1252": "cp1252 windows-1252 iso-8859-1 iso8859-1 latin-1 latin1",
    "cp1253": "cp1253 windows-1253",
    "cp1254": "cp1254 windows-1254 iso-8859-9 iso8859-9 latin5",
    "cp1255": "cp1255 windows-1255",
    "cp1256": "cp1256 windows-1256",
    "cp1257": "cp1257 windows-1257",
    "cp1258": "cp1258 windows-1258",
    "cp866": "cp866 ibm866",
    "cp874": "cp874 iso-8859-11 tis-620 windows-874",
    "cp932": "cp932 ms932 shift-jis sjis windows-31j x-sjis",
    "cp949": "cp949 euc-kr euckr korean ks-c-5601-1987 ksc-5601 ksc5601 ms949 uhc windows-949 x-windows-949",
    "euc_jp": "euc-jp eucjp x-euc-jp",
    "gb18030": "chinese cp936 gb18030 gb2312 gb-2312 gbk x-gbk",
    "iso2022_jp": "iso-2022-jp",
    "iso2022_kr": "iso-2022-kr",
    "iso8859_2": "iso-8859-2 iso8859-2 latin2",
    "iso8859_4": "iso-8859-4 iso8859-4 latin4",
    "iso8859_5": "iso-8859-5 iso8859-5 cyrillic",
    "iso8859_6": "iso-8859-6 iso8859-6 arabic",
    "iso8859_7": "iso-8859-7 iso8859-7 greek",
    "iso8859_8": "iso-8859-8 iso-8859-8-i iso8859-8 hebrew logical visual",
    "iso8859_13": "iso-8859-13 iso8859-13",
    "iso8859_15": "iso-8859-15 iso8859-15 latin9",
    "johab": "cp1361 johab ms1361",
    "koi8_r": "koi8-r",
    "koi8_u": "koi8-u",
    "mac_cyrillic": "x-mac-cyrillic",
    "mac_roman": "macintosh mac-roman macroman",
    "utf-16": "utf-16 utf16",
    "utf-16-be": "utf-16-be utf-16be",
    "utf-16-le": "utf-16-le utf-16le",
    "utf-32": "utf-32 utf32",
    "utf-32-be": "utf-32-be utf-32be",
    "utf-32-le": "utf-32-le utf-32le",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
}

CODECS: Mapping[str, str] = {name: codec for codec, names in _NAMES.items() for name in names.split()}
"""It maps a charset's name, in lower case and with hyphens, to Python's codec. Each of these codecs takes linear time
on any bytes."""


def find_codec(charset: str) -> str:
    """Find Python's codec for a charset that HTTP, HTML or a person names. It is empty for a charset that isn't in
    `CODECS`."""
    return CODECS.get(charset.strip().lower().replace("_", "-"), "")


def decode_sent(content: bytes, charset: str = "") -> str | None:
    """Decode bytes that a client sent.

    If the client names a charset, that one is taken, and the result is None where it is unknown or the bytes aren't
    valid in it. Without a name the bytes are taken for UTF-8, or else for the CP949 of Korean Windows, and the result
    is None where they are neither. They count as CP949 only if the text looks Korean, because text of another charset
    would give rare syllables and Chinese characters.
    """
    try:
        return content.decode(find_codec(charset) if charset else "utf-8")
    except (UnicodeDecodeError, LookupError):
        return None if charset else _decode_korean(content)


def _decode_korean(content: bytes) -> str | None:
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        return None
    kinds = [pair.lastgroup for pair in _KOREAN_PAIR.finditer(content, 0, _SAMPLE)]
    syllables = kinds.count("syllable")
    return text if syllables >= max(1, kinds.count("letter"), _RARE * kinds.count("rare")) else None
