"""PDF, page by page."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qa_service.errors import Unreadable
from qa_service.files.pdf import read_pdf
from qa_service.files.segment import RawFile
from tests import documents

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
        (lambda: documents.scan(), "no_text_layer"),
        (lambda: documents.pdf(["a"])[:600], "damaged"),
        (lambda: b"%PDF-1.7 and nothing else", "damaged"),
        (lambda: documents.deeply_nested_pdf(1000), "damaged"),
    ],
)
def test_a_file_without_text_says_why(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(read_pdf(RawFile(make())))


def test_pages_beside_a_broken_one_are_read() -> None:
    found = read_pdf(RawFile(documents.pdf_with_a_broken_page("Hello there.")))

    assert next(found).text == "Hello there."
    assert next(found).text == ""
    with pytest.raises(Unreadable, match="damaged"):
        next(found)
