"""Text from outside is read in the charsets that it may be in, and in no other codec."""

import codecs
import time

import pytest

from qa_service.language.charsets import CODECS, decode_sent, find_codec

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


@pytest.mark.parametrize(
    "text",
    [
        "배터리 보증 기간은?",
        "보증",
        "ㅎㅎ 네 그래요 ㅠㅠ",
        "“보증”은 24개월·무상 OK",
        "똠방각하 뜻이 무엇인지 알려 주세요.",
    ],
)
def test_korean_of_windows_is_told_without_a_word_for_it(text: str) -> None:
    assert decode_sent(text.encode("cp949")) == text


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("保証期間は何ヶ月ですか", "shift_jis"),
        ("保証期間は何ヶ月ですか", "euc_jp"),
        ("这个电池的保修期是多久", "gbk"),
        ("這個電池的保固期是多久", "big5"),
        ("Größe?", "latin-1"),
        ("Ça va où", "latin-1"),
        ("Äpfel", "latin-1"),
        ("Сколько длится гарантия", "cp1251"),
    ],
)
def test_text_of_another_charset_is_not_taken_for_korean(text: str, charset: str) -> None:
    assert decode_sent(text.encode(charset)) is None
    assert decode_sent(text.encode(charset), charset) == text


def test_a_named_charset_is_not_second_guessed() -> None:
    assert decode_sent("보증".encode("cp949"), "utf-8") is None
    assert decode_sent("보증".encode(), "klingon") is None
    assert decode_sent("보증".encode("utf-16"), "UTF-16") == "보증"


@pytest.mark.parametrize("text", ["", "plain", "보증 기간은?", "\U0001f50b 얼마나 가요?"])
def test_without_a_word_for_it_text_is_utf8(text: str) -> None:
    assert decode_sent(text.encode()) == text
