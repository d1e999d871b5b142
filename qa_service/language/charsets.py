"""This module knows the charsets in which text from outside is read, under every name that clients give them.

Python knows codecs that take the square of a text's length (`punycode`, `idna`), that unpack (`zlib`), or that hide
markup (`utf-7`), and it remembers every unknown name that it was asked for. So a name from outside is looked up here,
and never handed to `codecs`.
"""

import re
from collections.abc import Mapping

# A pair of bytes in CP949 is one of the 2,350 syllables that nearly all Korean is written in, a single letter such as
# ㅋ and ㅠ, a sign such as a quotation mark, or something rare: another syllable or a Chinese character.
_KOREAN_PAIR = re.compile(
    rb"(?P<syllable>[\xb0-\xc8][\xa1-\xfe])|(?P<letter>\xa4[\xa1-\xfe])|(?P<sign>[\xa1-\xa3][\xa1-\xfe])|(?P<rare>[\x81-\xfe].)",
    re.DOTALL,
)
_SAMPLE = 1 << 14
"""So many bytes tell whether a text looks Korean: to look at four megabytes would take half a second."""
_RARE = 9
"""So many common syllables make up for one rare character."""

# Several names stand for a charset that holds more than they say, as in the WHATWG's Encoding Standard: what Korean
# Windows calls EUC-KR is CP949.
_NAMES = {
    "ascii": "ascii us-ascii",
    "big5hkscs": "big5 big5-hkscs cp950 x-x-big5",
    "cp1250": "cp1250 windows-1250",
    "cp1251": "cp1251 windows-1251",
    "cp1252": "cp1252 windows-1252 iso-8859-1 iso8859-1 latin-1 latin1",
    "cp1253": "cp1253 windows-1253",
    "cp1254": "cp1254 windows-1254",
    "cp1255": "cp1255 windows-1255",
    "cp1256": "cp1256 windows-1256",
    "cp1257": "cp1257 windows-1257",
    "cp1258": "cp1258 windows-1258",
    "cp866": "cp866 ibm866",
    "cp874": "cp874 tis-620 windows-874",
    "cp932": "cp932 ms932 shift-jis sjis windows-31j x-sjis",
    "cp949": "cp949 euc-kr euckr korean ks-c-5601-1987 ksc-5601 ksc5601 ms949 uhc windows-949 x-windows-949",
    "euc_jp": "euc-jp eucjp x-euc-jp",
    "gb18030": "chinese cp936 gb18030 gb2312 gb-2312 gbk x-gbk",
    "iso2022_jp": "iso-2022-jp",
    "iso2022_kr": "iso-2022-kr",
    "iso8859_2": "iso-8859-2 iso8859-2 latin2",
    "iso8859_15": "iso-8859-15 iso8859-15 latin9",
    "johab": "cp1361 johab ms1361",
    "koi8_r": "koi8-r",
    "koi8_u": "koi8-u",
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
"""It gives Python's codec for a charset's name in small letters and with hyphens. Each codec takes linear time on any
bytes."""


def find_codec(charset: str) -> str:
    """Find Python's codec for a charset as HTTP, HTML or a person names it. It is empty for one that isn't read."""
    return CODECS.get(charset.strip().lower().replace("_", "-"), "")


def decode_sent(content: bytes, charset: str = "") -> str | None:
    """Decode bytes that a client sent. The result is None where their charset can't be told.

    A charset that the client names is believed. Without one it is UTF-8, or else the CP949 of Korean Windows,
    where the result looks Korean: text of other charsets would come out as rare syllables and Chinese characters.
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
