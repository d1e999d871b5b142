"""A DOCX is read with all that a reader of the document sees."""

from collections.abc import Callable

import pytest

from qa_service.errors import Unreadable
from qa_service.files import archive
from qa_service.files.segment import RawFile
from qa_service.files.word import read_docx
from tests import documents


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def sections(content: bytes) -> list[tuple[str, str]]:
    return [(segment.section, segment.text) for segment in read_docx(RawFile(content)) if segment.text]


def test_everything_seen_is_read_once_and_in_order() -> None:
    assert sections(documents.docx(documents.handbook)) == [
        ("", "이 편람은 모든 직원에게 적용된다.\n\n"),
        (
            "제1장 휴가",
            "제1장 휴가\n연차휴가는 15일이다. 고친 문장이다.\n상자 속의 글\n근속 | 일수\n1년 | 15일\n\n",
        ),
        ("Chapter 2 Travel", "Chapter 2 Travel\nTrains are booked by the office.\n\n"),
        ("", "대외비\nConfidential\n\n"),
    ]


def test_a_footnote_follows_the_paragraph_that_refers_to_it() -> None:
    body = "<w:p><w:r><w:t>본문</w:t><w:footnoteReference w:id='2'/></w:r></w:p>" + paragraph("다음")
    content = documents.word_package(body, footnotes=f"<w:footnote w:id='2'>{paragraph('각주')}</w:footnote>")

    assert sections(content) == [("", "본문\n각주\n다음\n\n")]


def test_a_reference_to_no_note_is_nothing() -> None:
    body = "<w:p><w:r><w:t>본문</w:t><w:footnoteReference w:id='9'/></w:r></w:p>"

    assert sections(documents.word_package(body)) == [("", "본문\n\n")]


@pytest.mark.parametrize(
    "properties",
    [
        '<w:pStyle w:val="1"/>',
        '<w:pStyle w:val="mine"/>',
        '<w:outlineLvl w:val="2"/>',
    ],
)
def test_headings_are_known_by_style_by_inheritance_and_by_level(properties: str) -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="mine"><w:name w:val="개요"/><w:basedOn w:val="1"/></w:style>'
    )
    content = documents.word_package(paragraph("제목", properties) + paragraph("글"), styles=styles)

    assert sections(content) == [("제목", "제목\n글\n\n")]


def test_styles_that_inherit_in_a_circle_are_no_headings() -> None:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{a}"><w:name w:val="{a}"/><w:basedOn w:val="{b}"/></w:style>'
        for a, b in ("xy", "yx")
    )
    content = documents.word_package(paragraph("글", '<w:pStyle w:val="x"/>'), styles=styles)

    assert sections(content) == [("", "글\n\n")]


def test_tabs_breaks_and_hyphens_are_text() -> None:
    body = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t/></w:r></w:p>"

    assert sections(documents.word_package(body)) == [("", "a\tb\nc-\n\n")]


def test_a_table_within_a_cell_is_part_of_it_and_empty_rows_are_left_out() -> None:
    inner = f"<w:tbl><w:tr><w:tc>{paragraph('안')}</w:tc></w:tr></w:tbl>"
    body = f"<w:tbl><w:tr><w:tc>{paragraph('밖')}{inner}</w:tc></w:tr><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>"

    assert sections(documents.word_package(body)) == [("", "밖\n안\n\n")]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: documents.bomb(), "too_large"),
        (lambda: documents.word_package("<w:p/>", head="<!DOCTYPE w:document>"), "damaged"),
        (lambda: documents.word_package("<w:p/>")[:-30], "damaged"),
        (lambda: documents.word_package("<w:p>"), "damaged"),
        (lambda: documents.zipped({"word/document.xml": "<x/>"}), "damaged"),
        (lambda: documents.word_package("").replace(b"\x14\x00\x00\x00", b"\x14\x00\x01\x00"), "encrypted"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(read_docx(RawFile(make())))


def test_a_document_type_is_refused_in_any_encoding() -> None:
    xml = "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x><x/>"

    with pytest.raises(Unreadable, match="damaged"):
        archive.check_archive(documents.zipped({"word/document.xml": xml.encode("utf-16")}))


def test_honest_files_that_pack_well_are_no_bombs() -> None:
    archive.check_archive(documents.zipped({"word/document.xml": "<a/>" * 1_000_000}))
