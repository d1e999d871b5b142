"""RTF, in the code pages that word processors write."""

from qa_service.files.rtf import read_rtf
from qa_service.files.segment import RawFile


def text(content: bytes) -> str:
    return "".join(segment.text for segment in read_rtf(RawFile(content)))


def test_korean_is_read_in_its_code_page_and_in_unicode() -> None:
    assert text(b"{\\rtf1\\ansi\\ansicpg949 \\'b0\\'a1\\'b0\\'dd\\par \\u44032?\\par}").split() == ["가격", "가"]


def test_the_rows_of_a_table_name_their_columns() -> None:
    rows = [b"Pump depot\\cell Fee\\cell\\row", *(b"A%d\\cell %d EUR\\cell\\row" % (n, n * 7) for n in range(3))]

    assert text(b"{\\rtf1\\ansi " + b"\n".join(rows) + b"}").splitlines()[-1] == "Pump depot: A2 | Fee: 14 EUR"


def test_a_broken_one_gives_what_is_there() -> None:
    assert "end" in text(b"{\\rtf1\\ansi {{{ \\bin99999 \\'zz end")
