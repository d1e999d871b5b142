"""The charsets that text from outside may be in, and the names of codecs that it may not."""

import codecs
import time

import pytest

from qa_service.language.charsets import CODECS, find_codec

KOREAN = "배터리 보증 기간은 똠방각하?"


@pytest.mark.parametrize(
    "name", ["EUC-KR", "euc_kr", "ks_c_5601-1987", "CP949", "MS949", "windows-949", " x-windows-949 "]
)
def test_korean_charsets_are_all_read_as_the_one_that_windows_writes(name: str) -> None:
    assert KOREAN.encode("cp949").decode(find_codec(name)) == KOREAN


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "utf-7", "zlib", "base64", "rot13", "unicode_escape", "mbcs", "", "\0"]
)
def test_codecs_that_are_no_charset_of_clients_are_not_found(name: str) -> None:
    assert find_codec(name) == ""


@pytest.mark.parametrize("codec", sorted(set(CODECS.values())))
def test_every_codec_is_there_and_reads_any_bytes_in_linear_time(codec: str) -> None:
    shortest = {}
    for size in (1 << 16, 1 << 19):
        began = time.process_time()
        for letter in (b"a", b"\xff", b"\xb0\xa1", b"\x1b$)C\x0e", b"~{", b"xn--a-", b"\xff\xfe"):
            codecs.decode(letter * (size // len(letter)), codec, "ignore")
        shortest[size] = time.process_time() - began
    assert shortest[1 << 19] < 0.01 + 40 * shortest[1 << 16]
