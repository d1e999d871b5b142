"""A PDF is read page by page."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qa_service.errors import Unreadable
from qa_service.files.pdf import read_pdf
from qa_service.files.segment import RawFile
from tests import documents, pdfs

FACTS = [
    f"제{n}조 근로자는 {n + 10}일의 휴가를 쓸 수 있다. Rule {n} covers exactly {n * 7} cases." for n in range(1, 13)
]


def test_each_sentence_is_found_on_its_own_page_alone() -> None:
    pages = list(read_pdf(RawFile(documents.pdf(FACTS))))

    assert [(page.page, page.pages, page.paged) for page in pages] == [(n, 12, True) for n in range(1, 13)]
    assert [page.text.replace("\r\n", " ") for page in pages] == FACTS


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs poppler-utils")
def test_pages_agree_with_another_program(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(documents.pdf(FACTS))

    for page in read_pdf(RawFile(file.read_bytes())):
        command = ["pdftotext", "-f", str(page.page), "-l", str(page.page), "-enc", "UTF-8", str(file), "-"]
        theirs = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        assert theirs.split() == page.text.split()


def test_a_page_keeps_its_label_where_that_is_not_its_number() -> None:
    pages = list(read_pdf(RawFile(documents.pdf(["앞", "머리말", "본문", "끝"], roman=2))))

    assert [(page.page, page.place.label) for page in pages] == [(1, "i"), (2, "ii"), (3, "1"), (4, "2")]


def test_a_word_broken_at_a_lines_end_is_whole_again() -> None:
    (page,) = read_pdf(RawFile(documents.pdf(["Infor-\nmation"])))

    assert page.text == "Information"


def test_a_blank_page_among_others_is_a_segment_without_text() -> None:
    assert [page.text for page in read_pdf(RawFile(documents.pdf(["a", "", "c"])))] == ["a", "", "c"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: documents.pdf(["비밀"], password="key"), "encrypted"),
        (lambda: documents.pdf(["a"])[:600], "damaged"),
        (lambda: b"%PDF-1.7 and nothing else", "damaged"),
        (lambda: documents.deeply_nested_pdf(1000), "damaged"),
    ],
)
def test_a_file_that_cannot_be_opened_says_why(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(read_pdf(RawFile(make())))


def test_pages_beside_a_broken_one_are_read() -> None:
    pages = read_pdf(RawFile(documents.pdf_with_a_broken_page("Hello there.")))

    assert [(page.text, page.unread) for page in pages] == [("Hello there.", ""), ("", "damaged")]


def test_a_scan_is_no_blank_page() -> None:
    lines = "".join(f"{n} {n} m 9 {n} l S " for n in range(30))
    found = read_pdf(RawFile(pdfs.pdf("", pdfs.PICTURE, lines, "0 0 m 9 9 l S", pdfs.PICTURE + pdfs.show("Page 5"))))

    assert [page.unread for page in found] == ["", "no_text_layer", "no_text_layer", "", "no_text_layer"]


def test_signs_without_characters_are_not_read_as_others() -> None:
    hidden = "BT /F1 12 Tf 72 700 Td <012304560789012304560789> Tj ET"

    (page,) = read_pdf(RawFile(pdfs.pdf(hidden, font=pdfs.NAMELESS)))

    assert (page.text, page.unread) == ("", "no_unicode")


def test_raised_and_lowered_numbers_are_no_part_of_the_number_before_them() -> None:
    shown = [("The fee is 300", 0), ("1", 5), (" euros, the load 10", 0), ("-6", 5), (" N; the 1", 0), ("st", 5)]
    shown += [(" CO", 0), ("2", -2), (" lasts.", 0)]
    drawn = "".join(f"/F1 {11 if not rise else 6} Tf {rise} Ts ({text}) Tj " for text, rise in shown)

    assert text_of(pdfs.pdf(f"BT 72 700 Td {drawn} ET")) == "The fee is 300¹ euros, the load 10⁻⁶ N; the 1st CO₂ lasts."


def test_the_number_of_a_note_stands_before_it() -> None:
    note = "BT 72 90 Td /F1 5 Tf 3 Ts (7) Tj /F1 9 Tf 0 Ts (See the annex.) Tj ET"

    assert text_of(pdfs.pdf(note)) == "7 See the annex."


ARTICLE = ["1 The deposit is 350 euros and", "is paid back within 14 days.", "2 The rent is due on the third"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_lines_of_a_turned_page_come_in_order(rotation: int) -> None:
    assert text_of(pdfs.pdf(pdfs.show_lines(ARTICLE), page=f"/Rotate {rotation}")).splitlines() == ARTICLE


@pytest.mark.parametrize("matrix", ["0 -1 1 0 200 600", "0 1 -1 0 200 200", "-1 0 0 -1 500 200"])
def test_the_lines_of_a_turned_text_come_in_order(matrix: str) -> None:
    shown = " ".join(f"({line}) Tj T*" for line in ARTICLE)

    assert text_of(pdfs.pdf(f"BT /F1 11 Tf {matrix} Tm 14 TL {shown} ET")).splitlines() == ARTICLE


def test_a_text_at_the_margin_comes_behind_the_page_that_it_stands_beside() -> None:
    margin = "BT /F1 9 Tf 0 1 -1 0 40 200 Tm (Draft of May) Tj ET\n"
    stamp = "BT /F1 40 Tf .7 .7 -.7 .7 200 300 Tm (COPY) Tj ET\n"

    assert text_of(pdfs.pdf(margin + stamp + pdfs.show_lines(ARTICLE))).split("\n\n") == [
        "\n".join(ARTICLE),
        "Draft of May",
        "COPY",
    ]


def test_vertical_columns_are_read_from_the_right() -> None:
    columns = ["保証期間は三年です。", "返品は十四日以内に", "お願いします。"]
    content = "".join(pdfs.show_signs(column, 500 - 20 * number) for number, column in enumerate(columns))

    assert text_of(pdfs.pdf(content, font=pdfs.JAPANESE_DOWN)).replace("\n", "") == "".join(columns)


def test_what_lies_beside_the_page_is_not_on_it() -> None:
    assert text_of(pdfs.pdf(pdfs.show("seen") + pdfs.show("unseen", x=700))) == "seen"


def test_signs_that_are_drawn_one_by_one_need_no_font_of_the_machine() -> None:
    sentence = "수습 기간은 석달이며 급여의 구할을 지급한다."
    content = "".join(pdfs.show_signs(sign, 72 + 13 * n) for n, sign in enumerate(sentence) if sign != " ")
    assert text_of(pdfs.pdf(content, font=pdfs.KOREAN)) == sentence


WIDGETS = [
    "<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Greta Example)/F 4/Rect[150 715 350 735]/AP<</N 4 0 R>>>>",
    "<</Type/Annot/Subtype/Widget/FT/Tx/T(city)/V(Gangneung)/F 4/Rect[150 695 350 715]/DA(/F1 11 Tf 0 g)>>",
    "<</Type/Annot/Subtype/Widget/FT/Btn/T(smoker)/V/Yes/AS/Yes/F 4/Rect[150 677 162 689]/AP<</N<</Yes 5 0 R>>>>>>",
    "<</Type/Annot/Subtype/Widget/FT/Btn/T(pets)/V/Off/AS/Off/F 4/Rect[150 657 162 669]/AP<</N<</Yes 5 0 R>>>>>>",
    "<</Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(plan)/V(Gold)/Opt[(Gold)]/F 4/Rect[150 635 350 655]"
    "/DA(/F1 11 Tf 0 g)>>",
    "<</Type/Annot/Subtype/Widget/FT/Tx/T(secret)/V(hidden)/F 2/Rect[150 600 350 620]/DA(/F1 11 Tf 0 g)>>",
]


def test_a_filled_in_form_is_read_as_it_is_shown() -> None:
    labels = pdfs.show_lines(["Name:", "City:", "Smoker:", "Pets:", "Plan:"], lead=20)
    looks = [pdfs.drawn("BT /F1 11 Tf 2 5 Td (Greta Example) Tj ET"), pdfs.drawn("BT /F1 11 Tf 2 2 Td (4) Tj ET")]
    numbers = " ".join(f"{6 + n} 0 R" for n in range(len(WIDGETS)))
    form = f"/AcroForm<</Fields[{numbers}]/NeedAppearances true/DA(/F1 11 Tf 0 g)/DR<</Font<</F1 3 0 R>>>>>>"

    text = text_of(pdfs.pdf(labels, objects=[*looks, *WIDGETS], catalog=form, page=f"/Annots[{numbers}]"))

    assert text.splitlines() == [
        "Name: | Greta Example",
        "City: | Gangneung",
        "Smoker: | ☑",
        "Pets: | ☐",
        "Plan: | Gold",
    ]


@pytest.mark.parametrize("look", ["", "/AP<</N 4 0 R>>"])
def test_a_note_that_is_typed_on_a_page_is_part_of_it(look: str) -> None:
    note = f"<</Type/Annot/Subtype/FreeText/Contents(Approved: 9000)/DA(/F1 11 Tf)/F 4/Rect[72 600 350 620]{look}>>"
    objects = [pdfs.drawn("BT /F1 11 Tf 2 5 Td (Approved: 9000) Tj ET"), note]

    assert text_of(pdfs.pdf(pdfs.show("Clause 5"), objects=objects, page="/Annots[5 0 R]")).split("\n") == [
        "Clause 5",
        "Approved: 9000",
    ]


@pytest.mark.parametrize("mark", ["/NeedsRendering true", ""])
def test_a_form_of_xfa_is_read_instead_of_the_page_that_says_wait(mark: str) -> None:
    form = (
        b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template xmlns='http://www.xfa.org/schema/xfa-template/3.0/'>"
        b"<subform><draw><value><text>Library card</text></value></draw><field name='fee'><caption><value><text>Fee"
        b"</text></value></caption></field></subform></template><xfa:datasets"
        b" xmlns:xfa='http://www.xfa.org/schema/xfa-data/1.0/'><xfa:data><form><fee>40 EUR</fee><note>late</note>"
        b"</form></xfa:data></xfa:datasets></xdp:xdp>"
    )
    catalog = f"/AcroForm<</Fields[]/XFA 4 0 R>>{mark}"

    text = text_of(pdfs.pdf(pdfs.show("Please wait..."), objects=[pdfs.stream(form)], catalog=catalog))

    assert text.splitlines() == ["Library card", "Fee: 40 EUR", "note: late"]


def test_a_form_of_xfa_on_pages_that_are_shown_is_not_read_instead_of_them() -> None:
    form, catalog = pdfs.stream("<xdp><data><fee>40</fee></data></xdp>"), "/AcroForm<</Fields[]/XFA 4 0 R>>"

    assert text_of(pdfs.pdf(pdfs.show("One"), pdfs.show("Two"), objects=[form], catalog=catalog)) == "One\n\nTwo"


def test_a_broken_form_of_xfa_leaves_the_pages() -> None:
    catalog = "/AcroForm<</Fields[]/XFA 4 0 R>>/NeedsRendering true"

    assert text_of(pdfs.pdf(pdfs.show("Page"), objects=[pdfs.stream("<xdp")], catalog=catalog)) == "Page"


@pytest.mark.parametrize(
    "content",
    [
        "".join(pdfs.show("word", n % 500, n % 700) for n in range(6_000)),
        "".join(pdfs.show("word", 10.0**n, -(10.0**n)) for n in range(30)) + pdfs.show("word"),
        "".join(f"BT /F1 9 Tf {n} 1 -1 {n} {n % 600} {n % 700} Tm (word) Tj ET\n" for n in range(3_000)),
    ],
)
def test_a_page_that_is_drawn_to_be_slow_is_read_in_time(content: str) -> None:
    began = time.process_time()

    assert "word" in text_of(pdfs.pdf(content))
    assert time.process_time() - began < 3


def text_of(content: bytes) -> str:
    return "\n\n".join(page.text for page in read_pdf(RawFile(content)))
