"""Bytes become text in the encoding that they are in."""

import time
from unicodedata import normalize

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
    text, began = "ab-" * 300_000, time.process_time()

    assert decode_file_text(text.encode(), charset) == text
    assert time.process_time() - began < 1


@pytest.mark.parametrize("charset", ["EUC-KR", "ks_c_5601-1987", "Shift_JIS", "windows-1252", "iso-2022-jp"])
def test_a_charset_goes_by_the_names_that_the_web_has_for_it(charset: str) -> None:
    text = "日本" if "j" in charset.lower() else "é" if "1252" in charset else "한글"
    codec = {"EUC-KR": "cp949", "ks_c_5601-1987": "cp949"}.get(charset, charset)

    assert decode_file_text(text.encode(codec), charset) == text


def test_a_byte_order_mark_outweighs_the_callers_charset() -> None:
    assert decode_file_text(KOREAN.encode("utf-8-sig"), "cp949") == KOREAN


def test_a_byte_that_is_valid_in_no_encoding_is_left_open() -> None:
    assert decode_file_text("café – ok".encode("cp1252") + b"\x81") == "café – ok\ufffd"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["24 months\r\n", "보증 기간은 24개월.\n", "가 나", "保証期間は三年です。"])
def test_wide_text_is_known_without_a_mark(encoding: str, text: str) -> None:
    assert decode_file_text(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("保証期間は購入日から三年です。\n", "cp932"),
        ("保証期間は購入日から三年です。\n", "iso2022_jp"),
        ("保修期为购买之日起三年。\n", "gb18030"),
        ("保固期為購買日起三年。\n", "cp950"),
        ("Гарантия действует три года.\n", "cp1251"),
        ("Гарантия действует три года.\n", "koi8_r"),
        ("Opłata wynosi czterdzieści złotych.\n", "cp1250"),
        ("Η εγγύηση ισχύει τρία χρόνια.\n", "cp1253"),
        ("The company’s fee isn’t €40 – it’s “free”.\n", "cp1252"),
        ("서울", "cp949"),
        ("IT뭉치 보증", "cp949"),
        ("契約書(계약서)", "cp949"),
        ("뷁 같은 글자도 읽습니다.", "cp949"),
    ],
)
def test_the_encoding_is_found_by_the_bytes_alone(text: str, encoding: str) -> None:
    assert decode_file_text(text.encode(encoding)) == text


KNOWN = "보증 기간은 24개월입니다.\n"


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        (b"\xa9 2026\n", "© 2026\n"),
        (b"\xff\n", "\xff\n"),
        ("반품은".encode()[:-1], "반품\ufffd"),
        ("반품은 가능합니다.\n".encode("cp949"), "반품은 가능합니다.\n"),
    ],
)
def test_what_is_wrong_in_utf_8_spoils_nothing_else(content: bytes, rest: str) -> None:
    assert decode_file_text(KNOWN.encode() + content + KNOWN.encode()).startswith(KNOWN)
    assert decode_file_text(KNOWN.encode() + content).removesuffix(KNOWN).endswith(rest)


@pytest.mark.parametrize("content", [b"\xff\n", "반품은".encode("cp949")[:-1], "반품은 가능합니다.\n".encode()])
def test_what_is_wrong_in_cp949_spoils_nothing_else(content: bytes) -> None:
    text = decode_file_text(KNOWN.encode("cp949") * 3 + content)

    assert text.startswith(KNOWN * 3)
    assert text[len(KNOWN) * 3 :][:2] in ("\ufffd\n", "반품")


def test_a_wrong_charset_does_not_spoil_a_text_and_one_wrong_byte_does_not_spoil_a_charset() -> None:
    assert decode_file_text(KNOWN.encode("cp949"), "utf-8") == KNOWN
    assert decode_file_text("保証期間は三年です。".encode("cp932") * 3 + b"\xff", "shift_jis").startswith("保証期間")


def test_cleaned_text_has_one_kind_of_line_end_and_nothing_invisible() -> None:
    assert clean_file_text("a\r\nb\rc\x00\ufeff\td\ud800\x0be\x0cf\u2028g") == "a\nb\nc\td\ne\nf\ng"


def test_signs_without_width_are_left_out_of_words_but_not_of_their_spelling() -> None:
    assert clean_file_text("war\u00adranty 보증\u200b기간 a\u200c\u2060\u200db \U000e0041") == "warranty 보증기간 ab "
    assert clean_file_text("می\u200cخواهم 👩\u200d👧 क्\u200dष") == "می\u200cخواهم 👩\u200d👧 क्\u200dष"


def test_letters_are_composed_and_spaces_are_spaces() -> None:
    assert clean_file_text(normalize("NFD", "계약 보증금 café か゛が")) == "계약 보증금 café か゛が"
    assert clean_file_text("40\u00a0000\u202fEUR") == "40 000 EUR"


def test_a_letter_with_endless_accents_takes_no_time_to_speak_of() -> None:
    began = time.thread_time()

    assert len(clean_file_text("가" + "a\u0323\u0301" + "\u0316\u0301" * 300_000 + "나")) < 60
    assert time.thread_time() - began < 2
