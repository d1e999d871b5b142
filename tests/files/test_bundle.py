"""The files in a ZIP and the chapters of a book are read, and files within files are bounded."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from qa_service.errors import Unreadable
from qa_service.files import inner
from qa_service.files.book import read_epub
from qa_service.files.bundle import read_zip
from qa_service.files.segment import RawFile, Segment
from tests import documents


def zipped(members: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def collect(content: bytes) -> tuple[list[Segment], str]:
    """Return the segments, and the reason why there are no more."""
    segments: list[Segment] = []
    steps = read_zip(RawFile(content))
    while True:
        try:
            segments.append(next(steps))
        except StopIteration:
            return segments, ""
        except Unreadable as error:
            return segments, error.reason


class TestZip:
    def test_pictures_are_given_with_their_names_up_to_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inner, "MOST_INNER_PICTURES", 2)
        segments, reason = collect(zipped({"a.txt": b"text", **{f"{n}.png": documents.png() for n in (1, 2, 3)}}))
        assert reason == ""
        assert [s.place.part for s in segments if s.picture] == ["1.png", "2.png"]
        assert [(s.page, s.unread) for s in segments if s.unread] == [(4, "too_large")]

    def test_each_file_is_read_by_the_reader_of_its_kind(self) -> None:
        segments, reason = collect(
            zipped(
                {
                    "a.txt": "보증 기간".encode("cp949"),
                    "folder/": b"",
                    "folder/b.pdf": documents.pdf(["One", "Two"]),
                    "__MACOSX/._a.txt": b"no",
                    ".DS_Store": b"no",
                    "c.html": b"<h1>Fees</h1>40 EUR",
                    "d.eml": b"From: a\nSubject: b\nDate: c\n\nhello",
                }
            )
        )

        assert reason == ""
        assert [(s.page, s.place.part, s.place.page, s.section) for s in segments if s.text.strip()] == [
            (1, "a.txt", 0, ""),
            (2, "folder/b.pdf", 1, ""),
            (3, "folder/b.pdf", 2, ""),
            (4, "c.html", 0, "Fees"),
            (5, "d.eml", 0, "b"),
            (5, "d.eml", 0, "b"),
        ]

    @pytest.mark.parametrize("encoding", ["cp949", "utf-8", "cp932"])
    def test_names_are_read_in_the_encoding_of_the_senders_system(self, encoding: str) -> None:
        name = "保証期間について.txt" if encoding == "cp932" else "계약서 최종.txt"
        packed = zipped({"x" * len(name.encode(encoding)): b"text"})

        segments, _ = collect(packed.replace(b"x" * len(name.encode(encoding)), name.encode(encoding)))

        assert [s.place.part for s in segments] == [name]

    def test_a_name_that_is_marked_as_utf_8_is_composed(self) -> None:
        segments, _ = collect(zipped({"계약서.txt".encode().decode(): b"text", "か\u3099.txt": b"text"}))

        assert [s.place.part for s in segments] == ["계약서.txt", "が.txt"]

    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({"a.bin": bytes(range(256)), "b.txt": b"text"}, "unsupported"),
            ({"a.docx": documents.zipped({"word/document.xml": "<broken"}), "b.txt": b"text"}, "damaged"),
            ({"a.txt": b"", "b.txt": b"text"}, ""),
        ],
    )
    def test_a_file_that_cannot_be_read_spoils_no_other(self, members: dict[str, bytes], reason: str) -> None:
        segments, _ = collect(zipped(members))

        assert [s.text for s in segments if s.text] == ["text"]
        assert [(s.page, s.unread) for s in segments if s.unread] == ([(1, reason)] if reason else [])

    def test_encrypted_members_are_said_to_be_encrypted(self) -> None:
        packed = bytearray(zipped({"a.txt": b"text"}))
        for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            packed[packed.index(sign) + offset] |= 1

        assert [(s.text, s.unread) for s in collect(bytes(packed))[0]] == [("", "encrypted")]

    def test_a_cut_archive_is_damaged(self) -> None:
        assert collect(zipped({"a.txt": b"text"})[:-30]) == ([], "damaged")

    def test_archives_within_archives_are_read_to_a_bounded_depth(self) -> None:
        packed, names = b"deep text", []
        for depth in range(1 + inner.DEEPEST):
            packed = zipped({"a.txt" if not depth else f"{depth}.zip": packed})
            names.append([(s.text, s.unread) for s in collect(packed)[0]])

        assert names == [[("deep text", "")]] * inner.DEEPEST + [[("", "too_large")]]

    def test_the_bytes_of_all_members_together_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inner, "MOST_UNPACKED_BYTES", 100_000)
        bomb = zipped({"a.txt": b"text", **{f"{n}.txt": b"a" * 30_000 for n in range(2)}})
        nested = zipped({f"{n}.zip": bomb for n in range(9)})

        assert [len(s.text) for s in collect(bomb)[0]] == [4, 30_000, 30_000]
        segments, _ = collect(nested)
        assert sum(len(segment.text) for segment in segments) < 100_000
        assert {segment.unread for segment in segments} == {"", "too_large"}

    def test_the_number_of_members_is_bounded(self) -> None:
        segments, reason = collect(zipped({f"{n}.txt": b"text" for n in range(inner.MOST_FILES + 1)}))

        assert (len(segments), reason) == (inner.MOST_FILES, "too_large")

    def test_a_member_with_a_wrong_checksum_is_damaged(self) -> None:
        packed = BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr(ZipInfo("a.txt"), b"text")
        content = packed.getvalue().replace(b"text", b"tex!")

        assert [(s.text, s.unread) for s in collect(content)[0]] == [("", "damaged")]


def book(chapters: dict[str, str], spine: list[str], **more: str) -> bytes:
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters)
    order = "".join(f'<itemref idref="{name}"/>' for name in spine)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata/>'
        f'<manifest>{items}<item id="c" href="c.css" media-type="text/css"/></manifest><spine>{order}</spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    members = {"META-INF/container.xml": container, "OEBPS/book.opf": package}
    return documents.zipped({**members, **{f"OEBPS/{name}": text for name, text in chapters.items()}, **more})


class TestBook:
    def test_chapters_come_in_the_order_of_the_book(self) -> None:
        doctype = '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><body>'
        chapters = {
            "b.xhtml": f"{doctype}<h1>둘째 장</h1><p>350 euros</p>",
            "a.xhtml": f"{doctype}<h1>첫째 장</h1><p>글</p>",
        }

        segments = list(read_epub(RawFile(book(chapters, ["a.xhtml", "b.xhtml"]))))

        assert [(s.page, s.pages, s.section, s.text) for s in segments if s.text] == [
            (1, 2, "첫째 장", "첫째 장\n글\n\n"),
            (2, 2, "둘째 장", "둘째 장\n350 euros\n\n"),
        ]

    def test_encrypted_chapters_are_said_to_be_encrypted_and_encrypted_fonts_do_not_matter(self) -> None:
        def locked(name: str) -> bytes:
            notes = f'<encryption><EncryptedData><CipherReference URI="{name}"/></EncryptedData></encryption>'
            return book({"a.xhtml": "<p>text</p>"}, ["a.xhtml"], **{"META-INF/encryption.xml": notes})

        assert any("text" in segment.text for segment in read_epub(RawFile(locked("OEBPS/font.otf"))))
        with pytest.raises(Unreadable, match="encrypted"):
            list(read_epub(RawFile(locked("OEBPS/a.xhtml"))))

    @pytest.mark.parametrize(
        "content",
        [
            documents.zipped({"META-INF/container.xml": "<x/>"}),
            documents.zipped({"META-INF/container.xml": "<broken"}),
            book({}, [])[:200],
            book({"a.xhtml": "x"}, []).replace(b"book.opf", b"book.xpf", 1),
        ],
    )
    def test_a_damaged_book_is_damaged(self, content: bytes) -> None:
        with pytest.raises(Unreadable, match="damaged"):
            list(read_epub(RawFile(content)))
