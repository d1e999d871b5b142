"""The kind of a file is told by its bytes."""

import pytest

from qa_service.files.sniffing import sniff_kind
from tests import documents

WORD = documents.word_package("<w:p/>")
HTML = "<!DOCTYPE html><html><body>안녕</body></html>"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (b"From: a@b\r\n\r\n%PDF-1.4\n1 0 obj", "pdf"),
        (documents.word_package("<w:p/>"), "docx"),
        (documents.word_package("<w:p/>")[:700], "docx"),
        (WORD.replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff"), "docx"),
        (WORD[:-10] + b"\xff\xff\xff\x7f" + WORD[-6:], "docx"),
        (WORD[:-6] + b"\xff\xff\xff\x7f" + WORD[-2:], "docx"),
        (documents.zipped({"xl/workbook.xml": "<x/>"}), "xlsx"),
        (documents.zipped({"ppt/presentation.xml": "<x/>"}), "pptx"),
        (documents.zipped({"mimetype": "application/hwp+zip", "Contents/section0.xml": "<x/>"}), "hwpx"),
        (documents.zipped({"a.txt": "a"}), "zip"),
        (documents.zipped({}), "zip"),
        (documents.ole("EncryptedPackage", "EncryptionInfo"), "office"),
        (documents.ole("HwpSummaryInformation"), "hwp"),
        (documents.ole("WordDocument"), "doc"),
        (documents.ole("Something"), "ole"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "webp"),
        (b"\x00\x00\x00\x18ftypmp42", "mp4"),
        (bytes(range(256)), "unknown"),
        (b"", "unknown"),
        (HTML.encode(), "html"),
        (b"\xef\xbb\xbf" + HTML.encode(), "html"),
        (HTML.encode("utf-16"), "html"),
        (HTML.encode("cp949"), "html"),
        ("안녕하세요".encode("cp949"), "txt"),
        ("안녕하세요".encode("utf-16"), "txt"),
        (b"a line of a log\n" * 20 + b"\x00", "txt"),
        (b"to open a file, look for %PDF- in it", "txt"),
        ("안녕하세요 12\n".encode("utf-16-le"), "txt"),
        ("hello 12\n".encode("utf-32-be"), "txt"),
        ("<table><tr><td>안녕</table>".encode("utf-16-le"), "html"),
        (b"<table border=1><tr><th>a</th></tr></table>", "html"),
        (b'<meta charset="utf-8"><style>td{}</style><table></table>', "html"),
        (b"<!-- x --><h1>Fees</h1>", "html"),
        (b'<?xml version="1.0"?><svg xmlns="a"><text>812</text></svg>', "html"),
        (b"<note><to>Ann</to></note>", "txt"),
        (b"<p without an end", "txt"),
        (b'{"a": [1, 2]}', "json"),
        (b'[{"a": 1}]', "json"),
        (b"[1] a note", "txt"),
        (b'{"a": [1, 2}', "txt"),
        (b"[" * 100_000, "txt"),
        (b"Subject: a\r\nFrom: b@c\r\nDate: Mon\r\n\r\nhello", "eml"),
        (b"Received: x\r\n\tby y\r\nFrom: b@c\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n", "eml"),
        (
            b"From: <Saved by Blink>\nSubject: a\nMIME-Version: 1.0\nContent-Type: multipart/related;\n\tx=y\n\n",
            "mhtml",
        ),
        (b"Fee: 40\nDeposit: 350\nFrom: Monday\n", "txt"),
        (documents.ole("__properties_version1.0", "WordDocument"), "msg"),
        (b"ID3\x04" + bytes(20), "mp3"),
        (b"\xff\xfb\x90\x64" + bytes(20), "unknown"),
        (b"\xff\xfe\x90\x64" + bytes(range(200)) * 3, "unknown"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "wav"),
        (b"\x00\x00\x00\x18ftypmif1", "heic"),
    ],
)
def test_bytes_tell_the_kind_whatever_the_name_says(content: bytes, kind: str) -> None:
    named = sniff_kind(content, "holiday.jpg")

    assert named == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.md", "md"),
        ("a.MARKDOWN", "md"),
        ("표.csv", "csv"),
        ("a.html", "html"),
        ("a.txt", "txt"),
        ("a", "txt"),
        ("a.jsonl", "json"),
    ],
)
def test_the_name_decides_between_kinds_of_text(name: str, kind: str) -> None:
    assert sniff_kind(b"a, b\n1, 2\n", name) == kind


def test_markdown_may_begin_with_a_piece_of_html() -> None:
    assert sniff_kind(b"<p align=center>logo</p>\n\n# Title", "README.md") == "md"
    assert sniff_kind(b"<!doctype html><p>logo</p>", "README.md") == "html"


def test_comments_at_the_beginning_cost_no_time() -> None:
    """This holds also where no HTML follows. A pattern that tried all their combinations would never return."""
    assert sniff_kind(b"<!-- note -->\n" * 400 + b"# Title", "c.md") == "md"
    assert sniff_kind(b"<!-- note -->\n" * 400 + HTML.encode(), "c.md") == "html"
