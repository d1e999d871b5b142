"""This module has real documents, made when a test wants them: Korean and English, sound, broken and hostile."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from docx import Document
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from fpdf import FPDF
from fpdf.enums import AccessPermission
from PIL import Image

KOREAN_FONT = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
"""This font is in Debian's package fonts-nanum."""

WORD_TYPES = "application/vnd.openxmlformats-officedocument.wordprocessingml"
MAIN_TYPE = f"{WORD_TYPES}.document.main+xml"
RELATION_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def pdf(pages: Sequence[str], *, roman: int = 0, password: str = "") -> bytes:
    """Return a PDF with a page for each text. The first `roman` pages are labelled i, ii, …, and the others from 1
    again."""
    if not Path(KOREAN_FONT).exists():
        pytest.skip("the font NanumGothic is not installed", allow_module_level=True)
    document = FPDF()
    document.add_font("Nanum", fname=KOREAN_FONT)
    document.set_font("Nanum", size=11)
    for number, text in enumerate(pages):
        document.add_page(**_label(number, roman))
        document.multi_cell(0, 7, text)
    if password:
        document.set_encryption(owner_password=password, user_password=password, permissions=AccessPermission.none())
    return bytes(document.output())


def _label(number: int, roman: int) -> dict[str, object]:
    if not roman:
        return {}
    style = "r" if number < roman else "D"
    return {"label_style": style, "label_start": 1 if number in (0, roman) else None}


def png(width: int = 60, height: int = 40, colour: str = "red") -> bytes:
    """Return a picture of one colour."""
    file = BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def scan(pages: int = 2) -> bytes:
    """Return a PDF whose pages are pictures."""
    document = FPDF()
    for _ in range(pages):
        document.add_page()
        document.image(Image.new("RGB", (60, 40), "grey"), x=10, y=10, w=100)
    return bytes(document.output())


def pdf_of_objects(*objects: bytes) -> bytes:
    """Return a PDF of hand-written objects, which are numbered from 1. The first is the catalog. There is no
    cross-reference table, which readers then mend."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, text) for number, text in enumerate(objects, start=1))
    return b"%PDF-1.7\n" + body + b"trailer\n<< /Root 1 0 R /Size %d >>\n%%%%EOF\n" % (len(objects) + 1)


def pdf_that_never_ends(depth: int = 30) -> bytes:
    """Return a PDF of two kilobytes whose forms each draw the next one ten times."""
    draw = b"/F Do " * 10
    forms = [_form(draw, number) for number in range(6, 6 + depth)]
    return pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /F 6 0 R >> >> >>",
        _stream(draw),
        b"null",
        *forms,
        _stream(b"", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"),
    )


def _form(content: bytes, number: int) -> bytes:
    extra = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F %d 0 R >> >>" % (number + 1)
    return _stream(content, extra)


def pdf_of_endless_lists(lists: int = 30) -> bytes:
    """Return a PDF of four hundred bytes whose cross-reference table lists four million objects again and again."""
    table = b"/Type/XRef/Root 1 0 R/Size 4194304/W[0 0 0]/Index[%s]" % (b"0 4194304 " * lists)
    return b"%%PDF-1.7\n1 0 obj<<%s/Length 0>>stream\n\nendstream endobj\nstartxref\n9\n%%%%EOF" % table


def pdf_that_wants_memory(size: int = 2_000_000_000) -> bytes:
    """Return a PDF with a page whose content is packed twice and unpacks to gigabytes of operators. Its checksum is
    wrong, but it stands at the end."""
    once = zlib.compressobj(9)
    block = b"1 0 0 1 0 0 cm\n" * 100_000
    begin, again = (once.compress(block) + once.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    packed = begin + again * (size // len(block)) + once.flush()
    return pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        _stream(zlib.compress(packed), b"/Filter [/FlateDecode /FlateDecode]"),
    )


def pdf_with_a_broken_page(text: str) -> bytes:
    """Return a PDF of two pages: one that says `text`, and one that is no page."""
    return pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 9 0 R] /Count 2 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R"
        b" /Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        _stream(b"BT /F 12 Tf 20 200 Td (%s) Tj ET" % text.encode()),
    )


def pdf_that_ends_badly(pages: int) -> bytes:
    """Return a PDF with sound pages of English, a passage each, and one page behind them that draws for ever."""
    line = b"BT /F 9 Tf 9 %d Td (Leave is granted for fifteen days a year to all who work here for one year) Tj ET\n"
    text = b"".join(line % height for height in range(100, 190, 10))
    bad = 5 + pages
    kids = b" ".join(b"%d 0 R" % number for number in range(5, bad + 1))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 500 200] /Contents %d 0 R /Resources %s >>"
    font = b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    return pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages + 1),
        _stream(text),
        _stream(b"/F Do " * 10),
        *[page % (3, font) for _ in range(pages)],
        page % (4, b"<< /XObject << /F %d 0 R >> >>" % (bad + 1)),
        *[_form(b"/F Do " * 10, bad + depth) for depth in range(1, 30)],
        _stream(b"", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"),
    )


def html_that_never_ends() -> str:
    """Return HTML whose elements are so deeply nested that a parser needs hours, but no memory."""
    return "<div>" * 300_000


def deeply_nested_pdf(depth: int = 200_000) -> bytes:
    """Return a PDF with arrays in arrays, thousands of them."""
    return pdf_of_objects(b"<< /Type /Catalog /Pages " + b"[" * depth + b"]" * depth + b" >>")


def _stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), extra, content)


def docx(build: Callable[[WordDocument], None]) -> bytes:
    """Return a DOCX as python-docx writes it."""
    document = Document()
    build(document)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def handbook(document: WordDocument) -> None:
    """Write two chapters, a table, a text box, an insertion, a deletion, a header and a footer."""
    document.sections[0].header.paragraphs[0].text = "대외비"
    document.sections[0].footer.paragraphs[0].text = "Confidential"
    document.add_paragraph("이 편람은 모든 직원에게 적용된다.")
    document.add_heading("제1장 휴가", level=1)
    paragraph = document.add_paragraph("연차휴가는 15일이다.")
    _append(paragraph, _TEXT_BOX)
    _append(paragraph, "<w:ins {w}><w:r><w:t xml:space='preserve'> 고친 문장이다.</w:t></w:r></w:ins>")
    _append(paragraph, "<w:del {w}><w:r><w:delText>지운 문장이다.</w:delText></w:r></w:del>")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["근속", "일수", "1년", "15일"], strict=True):
        cell.text = text
    document.add_heading("Chapter 2 Travel", level=2)
    document.add_paragraph("Trains are booked by the office.")


_TEXT_BOX = """<w:r {w} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
 xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"><mc:AlternateContent>
 <mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent><w:p><w:r><w:t>상자 속의 글</w:t></w:r></w:p>
 </w:txbxContent></wps:txbx></w:drawing></mc:Choice>
 <mc:Fallback><w:pict><w:txbxContent>
 <w:p><w:r><w:t>상자 속의 글</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback>
 </mc:AlternateContent></w:r>"""


def _append(paragraph: object, xml: str) -> None:
    paragraph._p.append(parse_xml(xml.replace("{w}", nsdecls("w"))))


def word_package(body: str, *, footnotes: str = "", styles: str = "", head: str = "", main_type: str = "") -> bytes:
    """Return a DOCX written by hand: `body` and `footnotes` are XML in Word's namespace, `w`."""
    return zipped(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main_type or MAIN_TYPE}"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{WORD_TYPES}.styles+xml"/>'
            f'<Override PartName="/word/footnotes.xml" ContentType="{WORD_TYPES}.footnotes+xml"/></Types>',
            "_rels/.rels": _relations(officeDocument="word/document.xml"),
            "word/_rels/document.xml.rels": _relations(footnotes="footnotes.xml", styles="styles.xml"),
            "word/document.xml": f"{head}<w:document {nsdecls('w')}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {nsdecls('w')}>{styles}</w:styles>",
            "word/footnotes.xml": f"<w:footnotes {nsdecls('w')}>{footnotes}</w:footnotes>",
        }
    )


def _relations(**targets: str) -> str:
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{RELATION_TYPES}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets.items())
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    )


def bomb(size: int = 250_000_000) -> bytes:
    """Return a DOCX of a few hundred kilobytes that unpacks to `size` bytes."""
    file = BytesIO(word_package("<w:p><w:r><w:t>hello</w:t></w:r></w:p>"))
    with ZipFile(file, "a", ZIP_DEFLATED, compresslevel=9) as archive, archive.open("word/media/a.bin", "w") as member:
        for _ in range(size // 1_000_000):
            member.write(bytes(1_000_000))
    return file.getvalue()


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of these members. An XLSX is such a zip."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def ole(*streams: str) -> bytes:
    """Return what old and encrypted office files begin with, and the names of their streams."""
    names = b"".join(name.encode("utf-16-le").ljust(64, b"\0") for name in streams)
    return (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + names).ljust(2048, b"\0")
