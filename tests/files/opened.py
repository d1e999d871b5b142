"""This module reads files of every kind, or parses pages, once all is loaded. It prints what Python opened or imported
meanwhile, a line each."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from functools import partial
from io import BytesIO
from zipfile import ZipFile

from PIL import Image

from qa_service.files.child import load_all
from qa_service.files.parsed import DOCUMENT_PAGE, PAGE, SITEMAP
from qa_service.files.parsing import parse_content
from qa_service.files.reading import read_file
from qa_service.language.charsets import CODECS
from qa_service.model import UploadedFile
from tests import documents, old_office, packages, pdfs
from tests.compound import outlook_message

WATCHED = ("open", "import", "os.listdir", "os.scandir", "socket.", "subprocess.", "ctypes.dlopen")


def files() -> Mapping[str, bytes]:
    """Return one file at least of every kind, in all its varieties."""
    paragraph = "<w:p><w:r><w:t>hello</w:t></w:r></w:p>"
    return {
        "a.pdf": documents.pdf(["연차휴가는 15일이다.", "Trains"], roman=1),
        "font.pdf": documents.pdf_with_a_broken_page("Hello"),
        "scan.pdf": documents.scan(),
        "form.pdf": _form(),
        "xfa.pdf": pdfs.pdf(
            "", objects=[pdfs.stream(_XFA)], catalog="/AcroForm<</Fields[]/XFA 4 0 R>>/NeedsRendering true"
        ),
        "glyphs.pdf": pdfs.pdf("".join(pdfs.show_signs("가", n, n) for n in range(9)), font=pdfs.KOREAN),
        "locked.pdf": documents.pdf(["a"], password="key"),
        "a.docx": documents.docx(documents.handbook),
        "bare.docx": _without_styles(documents.word_package(paragraph)),
        "notes.docx": documents.word_package(paragraph, footnotes=f'<w:footnote w:id="1">{paragraph}</w:footnote>'),
        "parts.docx": packages.word(
            packages.p("<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>") + "<w:altChunk r:id='r1'/>",
            ("aFChunk", "a.html", b"<html><p>a</p>"),
            ("chart", "c.xml", "<c:chart></c:chart>"),
            strict=True,
        ),
        "a.pptx": packages.pptx((packages.shape("요금", at=(1, 1)), {})),
        "a.xlsx": packages.xlsx({"값": packages.sheet(["a", "b"], [1.5, 46000.0], merged="A1:B1")}),
        "a.xls": old_office.xls([["값"], [46000.5], [0.5]], {0: 'yyyy"년" mmm d ddd AM/PM h:mm'}),
        "broken.xls": old_office.xls([["값"]], {})[:600],
        "a.ods": packages.opendocument("spreadsheet", "<table:table/>"),
        "a.odt": packages.opendocument("text", "<text:p>가</text:p>"),
        "a.odp": packages.opendocument("presentation", "<draw:page><text:p>가</text:p></draw:page>"),
        "a.hwpx": packages.hwpx(packages.hp("가")),
        "a.hwp": old_office.hwp(["제1장", "요금은 40원이다."]),
        "locked.hwp": old_office.hwp(["가"], flags=3),
        "broken.hwp": old_office.hwp(["가"])[:900],
        "a.rtf": b"{\\rtf1\\ansi\\ansicpg949 \\'b0\\'a1\\u44032?\\par b}",
        "broken.docx": documents.word_package("</w:body><w:body>"),
        "korean.zip": documents.zipped({"한글.txt": "a"}),
        "a.html": '<meta charset="euc-kr"><h1>제1조</h1><p>&eacute; &amp;</p>'.encode("cp949"),
        "a.md": "# 제목\n본문\n".encode(),
        "a.csv": "이름,부서\n김철수,총무과\n".encode("cp949"),
        "a.txt": "안녕".encode("utf-16"),
        "b.txt": "안녕".encode("utf-8-sig"),
        "c.txt": "안녕".encode("utf-32"),
        "d.txt": "café".encode("cp1252"),
        **_pictures(),
        **_containers(),
    }


def _containers() -> Mapping[str, bytes]:
    """Return files that hold other files."""
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = "보증 안내", "김철수 <a@example.org>", "Mon, 3 Aug 2026"
    message.set_content("보증 기간은 24개월입니다.", charset="euc-kr")
    message.add_alternative("<p>보증", subtype="html")
    message.add_attachment("이름,부서\n가,나\n".encode("cp949"), "text", "csv", filename="명단.csv")
    message.add_attachment(EmailMessage())
    page = b"MIME-Version: 1.0\nSubject: a\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html"
    package = '<package><manifest><item id="a" href="a.html" media-type="text/html"/></manifest></package>'
    container = '<container><rootfile full-path="p.opf"/></container>'
    book = {"META-INF/container.xml": container, "p.opf": package, "a.html": "<h1>장"}
    return {
        "a.eml": message.as_bytes(),
        "a.mhtml": page + b"\n\na",
        "a.msg": outlook_message(
            {"a.txt": b"text", "b.csv": "이름\n가\n".encode("cp949")}, subject="보증", body="보증"
        ),
        "a.epub": documents.zipped(book),
        "a.zip": documents.zipped({"a.txt": "text", "b.html": "<p>text", "c.json": '{"a": 1}', "d.bin": "\0\1\2"}),
        "a.json": b'{"a": [1, {"b": "\\ud55c"}]}',
        "e.txt": "안녕 12".encode("utf-16-le"),
        "f.txt": "Гарантия три года".encode("koi8-r"),
        "g.txt": "보증 기간".encode() + b"\n\xa9\n",
    }


_XFA = "<xdp><data><fee>40</fee></data></xdp>"


def _form() -> bytes:
    """Return a box to tick, and a note without a look of its own."""
    button = "<</Type/Annot/Subtype/Widget/FT/Btn/T(a)/V/Yes/AS/Yes/F 4/Rect[9 9 20 20]>>"
    note = "<</Type/Annot/Subtype/FreeText/Contents(Note)/F 4/Rect[50 50 90 90]>>"
    form = "/AcroForm<</Fields[4 0 R]/NeedAppearances true>>"
    return pdfs.pdf(pdfs.show("Form"), objects=[button, note], catalog=form, page="/Annots[4 0 R 5 0 R]")


def _pictures() -> Mapping[str, bytes]:
    """Return pictures large and small, turned, transparent, broken, and with several frames."""
    exif = Image.Exif()
    exif[0x0112] = 6
    upright, clear = Image.new("RGB", (3000, 2000), "red"), Image.new("RGBA", (2500, 30), (9, 9, 9, 0))
    noise = Image.frombytes("RGB", (600, 600), bytes(range(250)) * 4320)
    several = {"save_all": True, "append_images": [noise], "duration": 9}
    made: list[tuple[Image.Image, str, dict[str, object]]] = [
        (upright, "JPEG", {"exif": exif.tobytes(), "progressive": True}),
        (upright.convert("CMYK"), "JPEG", {}),
        (upright, "MPO", {**several, "exif": exif.tobytes()}),
        (clear, "PNG", {"exif": exif.tobytes()}),
        (clear, "WEBP", {"exif": exif.tobytes()}),
        (noise, "GIF", several),
        (noise, "WEBP", several),
        (noise, "TIFF", {**several, "compression": "tiff_lzw"}),
        (noise.convert("1"), "TIFF", {"compression": "group4"}),
        (noise, "TIFF", {"compression": "jpeg"}),
        (noise.convert("P"), "PNG", {"transparency": 0}),
        (noise.convert("L").convert("I;16"), "PNG", {}),
    ]
    files = [_saved(*one) for one in made]
    broken = [content[: len(content) // 2] for content in files]
    return {f"{number}.picture": content for number, content in enumerate([*files, *broken])}


def _saved(image: Image.Image, kind: str, options: Mapping[str, object]) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _without_styles(word: bytes) -> bytes:
    """Return a DOCX for which python-docx would look for styles of its own."""
    with ZipFile(BytesIO(word)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    relations = "word/_rels/document.xml.rels"
    return documents.zipped({**members, relations: members[relations].replace(b"/styles", b"/stylez")})


_PAGE = """<meta charset="euc-kr"><meta http-equiv="refresh" content="5; url=b"><title>대출</title><a href=a>1</a>
<h1 id=x>제1조</h1><ol><li>&eacute; &amp;</ol><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>
<table><tr><th>이름<th>부서<tr><td rowspan=2>가<td>나<tr><td>10<sup>6</sup></table>"""
_SITEMAP = b"<urlset><url><loc>https://example.org/a</loc></url></urlset>"


def main() -> None:
    if sys.argv[1] == "pages":
        load_all(kinds=())
        tell_events(parse_pages)
    else:
        load_all()
        tell_events(partial(read_files, files()))


def tell_events(read: Callable[[], None]) -> None:
    events: list[str] = []
    sys.addaudithook(lambda event, arguments: watch(events, event, arguments))
    read()
    for event in dict.fromkeys(events):
        print(event)


def parse_pages() -> None:
    for charset in ("", *CODECS):
        parse_content(PAGE, _PAGE.encode("cp949"), charset)
        parse_content(DOCUMENT_PAGE, _PAGE.encode("cp949"), charset)
    parse_content(SITEMAP, _SITEMAP)


def read_files(content: Mapping[str, bytes]) -> None:
    for name, file in content.items():
        for charset in CODECS if name.endswith(".txt") else [""]:
            with suppress(ValueError, SyntaxError):
                list(read_file(UploadedFile(name, "", len(file), charset), file))


def watch(events: list[str], event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(WATCHED):
        events.append(f"{event} {arguments[:1]}")


if __name__ == "__main__":
    main()
