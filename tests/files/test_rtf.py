"""RTF is read in the code pages that word processors write."""

import time

import pytest

from qa_service.files.rtf import read_rtf
from qa_service.files.segment import RawFile


def text(content: bytes) -> str:
    return "".join(segment.text for segment in read_rtf(RawFile(content)))


def test_korean_is_read_in_its_code_page_and_in_unicode() -> None:
    assert text(b"{\\rtf1\\ansi\\ansicpg949 \\'b0\\'a1\\'b0\\'dd\\par \\u44032?\\par}").split() == ["가격", "가"]


def test_the_rows_of_a_table_name_their_columns() -> None:
    rows = [b"Pump depot\\cell Fee\\cell\\row", *(b"A%d\\cell %d EUR\\cell\\row" % (n, n * 7) for n in range(3))]

    assert text(b"{\\rtf1\\ansi " + b"\n".join(rows) + b"}").splitlines()[-1] == "Pump depot: A2 | Fee: 14 EUR"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (b"a{\\v no}{\\v no\\v0 b}{\\v no\\plain c}", "abc"),
        (b"{\\deleted no\\'b0\\'a1\\u44032?\\tab no}a\\deleted no\\deleted0 b", "ab"),
        (b"10{\\super 6} m\\super 2\\nosupersub  H{\\dn6 2}O 1{\\super st} \\up0 3", "10⁶ m² H₂O 1st 3"),
        (b"{\\loch\n10}{\\super\\loch\r\n6}{\\v\\loch\nno}{\\loch\nb}", "10⁶b"),
        (b"\\uc2 10{\\super 6}{\\super\\u44032??9}", "10⁶가9"),
        (b"a{\\super 1{\\footnote {\\super 1} {\\b b}}}c.\\par d", "a¹c.\n¹ b\nd"),
        (b"a{\\*\\atnauthor Kim}{\\*\\annotation {\\v no}b}.\\par c", "a.\nb\nc"),
        (b"a{\\shp{\\*\\shpinst{\\sp{\\sn no}}{\\shptxt b\\par}}}c\\par d", "ac\nb\n\nd"),
        (b"{\\header b}{\\headerl b}{\\footer c}a\\par", "a\n\nb\nc"),
        (b"a{\\footnote b", "a\nb"),
        (b"a{\\pict\\bin3 {{{}{\\super 2}", "a²"),
    ],
)
def test_what_is_shown_is_read_and_what_is_hidden_is_not(source: bytes, shown: str) -> None:
    assert text(b"{\\rtf1\\ansi\\ansicpg949 " + source + b"}\r\n").strip() == shown


def test_a_note_in_a_table_stands_behind_the_table() -> None:
    row = b"\\trowd\\pard\\intbl Depot{\\footnote b}\\cell Fee\\par EUR\\cell\\row"

    assert text(b"{\\rtf1\\ansi " + row + b"\\pard c\\par}").splitlines()[-2:] == ["c", "b"]


def test_many_groups_take_linear_time() -> None:
    began = time.thread_time()
    text(b"{\\rtf1\\ansi " + b"{\\footnote {\\super 2}" * 20_000)
    assert time.thread_time() - began < 2


def test_a_broken_one_gives_what_is_there() -> None:
    assert "end" in text(b"{\\rtf1\\ansi {{{ \\bin99999 \\'zz end")
