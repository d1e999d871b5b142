"""Text out of bytes."""

import time

import pytest

from qa_service.files.decoding import clean_file_text, decode_file_text

KOREAN = "제1조 연차휴가는 15일이다."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949"])
def test_korean_is_read_in_every_encoding_it_comes_in(encoding: str) -> None:
    assert decode_file_text(KOREAN.encode(encoding)) == KOREAN


def test_the_callers_charset_decides_where_bytes_allow_it() -> None:
    assert decode_file_text("日本語".encode("shift-jis"), "shift-jis") == "日本語"


@pytest.mark.parametrize(
    "charset", ["ascii", "no-such-charset", "zip", "nul\0", "punycode", "idna", "utf-7", "unicode_escape", "undefined"]
)
def test_a_charset_that_does_not_fit_is_ignored(charset: str) -> None:
    assert decode_file_text(KOREAN.encode(), charset) == KOREAN


@pytest.mark.parametrize("charset", ["punycode", "idna"])
def test_no_charset_takes_more_time_than_the_text_is_long(charset: str) -> None:
    text, began = "ab-" * 300_000, time.monotonic()

    assert decode_file_text(text.encode(), charset) == text
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("charset", ["EUC-KR", "ks_c_5601-1987", "Shift_JIS", "windows-1252", "iso-2022-jp"])
def test_a_charset_goes_by_the_names_that_the_web_has_for_it(charset: str) -> None:
    text = "日本" if "j" in charset.lower() else "é" if "1252" in charset else "한글"
    codec = {"EUC-KR": "cp949", "ks_c_5601-1987": "cp949"}.get(charset, charset)

    assert decode_file_text(text.encode(codec), charset) == text


def test_a_byte_order_mark_outweighs_the_callers_charset() -> None:
    assert decode_file_text(KOREAN.encode("utf-8-sig"), "cp949") == KOREAN


def test_western_text_is_read_as_windows_1252() -> None:
    assert decode_file_text("café – ok ÿ".encode("cp1252") + b"\x81") == "café – ok ÿ\ufffd"


def test_cleaned_text_has_one_kind_of_line_end_and_nothing_invisible() -> None:
    assert clean_file_text("a\r\nb\rc\x00\ufeff\td\ud800\x0c") == "a\nb\nc\td"
