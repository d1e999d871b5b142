"""This module finds out in which encoding a text is that doesn't say so.

UTF-8 isn't looked for here, because its bytes prove it. Of the other encodings the ones of East Asia are told apart by
chardetng, the detector of Firefox, and those with one byte a letter by `codepages`. Korean is looked for first: of a
few syllables chardetng often thinks that they are Chinese or Latin.
"""

import re
from functools import partial
from unicodedata import category

from chardetng_py import EncodingDetector

from qa_service.language.charsets import find_codec
from qa_service.language.codepages import find_code_page
from qa_service.language.syllables import COMMON_SYLLABLES

_SAMPLE = 1 << 16
"""At most this many bytes of a text are looked at."""

_ESCAPES = ((re.compile(rb"\x1b\$[@B]"), "iso2022_jp"), (re.compile(rb"\x1b\$\)C"), "iso2022_kr"))
_EAST_ASIAN = frozenset({"big5hkscs", "cp932", "cp949", "euc_jp", "gb18030"})
_NOT_ASCII = re.compile("[^\x00-\x7f\u3000-\u303f\u2000-\u33ff\uff00-\uff65]")
_FEWEST_COMMON, _FEWEST_LETTERS = 2, 5
_KOREAN_SHARE = 0.9
"""Where at least this share of the letters beyond ASCII are common syllables, a text is taken for Korean at once."""
_EAST_ASIAN_TEXT = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]+")
_KANA = re.compile("[\u3001\u3002\u3040-\u30ff\uff0c]")
_KANA_SHARE = 0.05
_ASCII = re.compile("[\t\n\r -~]")
_UNLIKELY = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufff0-\ufffe]")
_UNLIKELY_SHARE = 0.01
_LOOKED_AT = 2_000


def find_escapes(content: bytes) -> str:
    """Find the codec of a text in ISO 2022, which looks like ASCII but for its escape sequences. It is empty for other
    texts."""
    sample = content[:_SAMPLE]
    return next((codec for pattern, codec in _ESCAPES if pattern.search(sample)), "")


def find_wide_codec(content: bytes) -> str:
    """Find the codec of a text in UTF-16 or UTF-32 without a byte order mark. It is empty for other texts, and for what
    isn't text.

    Such a text shows itself by its digits, spaces and line ends, each of which has a zero byte. Chinese and Japanese
    may have none of these, and are known by their punctuation and their kana.
    """
    sample = content[:_SAMPLE]
    if b"\0" not in sample:
        return "" if sample.isascii() else next(filter(partial(_is_east_asian, sample), ("utf-16-le", "utf-16-be")), "")
    texts = {codec: _decode_units(sample, codec) for codec in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")}
    # Hardly any other bytes are valid UTF-32, so there its text alone counts.
    ratings = {
        codec: len(_ASCII.findall(text)) + len(text) * codec.startswith("utf-32")
        for codec, text in texts.items()
        if text
    }
    best = max(ratings, key=lambda codec: ratings[codec], default="")
    return best if best and ratings[best] else ""


def _is_east_asian(sample: bytes, codec: str) -> bool:
    text = _decode_units(sample, codec)
    return bool(_EAST_ASIAN_TEXT.fullmatch(text)) and len(_KANA.findall(text)) >= _KANA_SHARE * len(text)


def _decode_units(sample: bytes, codec: str) -> str:
    """Decode the sample, or return an empty text where it is no text in this encoding."""
    size = int(codec[4:6]) // 8
    # The sample may end within a pair of surrogates, and then has half of it.
    text = sample[: len(sample) // size * size].decode(codec, "replace").removesuffix("\ufffd")
    return text if is_likely_text(text) else ""


def is_likely_text(text: str) -> bool:
    """Tell whether this is text, and not other bytes that were taken for it: hardly any of its characters are control
    characters or not assigned."""
    unlikely = len(_UNLIKELY.findall(text)) + sum(category(letter) == "Cn" for letter in text[:_LOOKED_AT])
    return unlikely <= _UNLIKELY_SHARE * len(text)


def guess_encoding(content: bytes) -> str:
    """Guess the codec of a text that isn't UTF-8. A few bytes of it may be damaged."""
    sample = content[:_SAMPLE]
    if is_korean(sample):
        return "cp949"
    detector = EncodingDetector()
    detector.feed(sample, last=True)
    guess = find_codec(detector.guess(tld=None, allow_utf8=False))
    return guess if guess in _EAST_ASIAN else find_code_page(sample, guess)


def is_korean(content: bytes) -> bool:
    """Tell whether these bytes are Korean in CP949: nearly all letters beyond ASCII are then common syllables, or all
    of them are common syllables and Chinese characters. Few bytes of another encoding look so."""
    letters = _NOT_ASCII.findall(content.decode("cp949", "replace"))
    common = sum(letter in COMMON_SYLLABLES for letter in letters)
    hanja = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    is_mixed = common >= _FEWEST_COMMON and common + hanja == len(letters) >= _FEWEST_LETTERS
    return is_mixed or (common > 0 and common >= _KOREAN_SHARE * len(letters))
