"""The place of a passage is said in words."""

import msgspec
import pytest

from qa_service.citing import Evidence, collect_references
from qa_service.model import Passage, Place
from qa_service.places import describe_section

SHEET = Passage(
    "f",
    "가격.xlsx",
    "품목: 펌프 | 값: 120\n품목: 밸브 | 값: 340\n품목: 호스 | 값: 90\n",
    paged=False,
    n=1,
    place=Place(sheet="가격", rows=(11, 13)),
)


@pytest.mark.parametrize(
    ("place", "section", "korean", "english"),
    [
        (Place(), "", "", ""),
        (Place(), "제3조", "제3조", "제3조"),
        (Place(label="iv"), "", "iv쪽", "p. iv"),
        (Place(slide=3), "요금", "슬라이드 3, 요금", "slide 3, 요금"),
        (Place(sheet="가격", rows=(12, 12)), "", "시트 가격, 12행", "sheet 가격, row 12"),
        (Place(sheet="가격", rows=(12, 13)), "가격", "시트 가격, 12–13행", "sheet 가격, rows 12–13"),
        (Place(rows=(2, 9)), "", "2–9행", "rows 2–9"),
        (Place(part="a.pptx", page=3, slide=3), "", "a.pptx, 슬라이드 3", "a.pptx, slide 3"),
        (Place(part="약관.pdf", page=7), "", "약관.pdf, 7쪽", "약관.pdf, page 7"),
        (Place(part="a.pdf", page=7, label="v"), "", "a.pdf, v쪽", "a.pdf, p. v"),
    ],
)
def test_all_that_is_known_of_a_place_is_said(place: Place, section: str, korean: str, english: str) -> None:
    passage = Passage("f", "f", "", section=section, place=place)

    assert describe_section(passage, "ko") == korean
    assert describe_section(passage, "en") == english


@pytest.mark.parametrize(
    ("answer", "section"),
    [
        ("밸브의 값은 340입니다 [1].", "시트 가격, 12행"),
        ("펌프의 값은 120이다 [1]. 밸브의 값은 340이다 [1].", "시트 가격, 11–12행"),
    ],
)
def test_a_reference_names_the_rows_that_it_quotes(answer: str, section: str) -> None:
    (reference,) = collect_references(answer, Evidence("chat", (SHEET,), language="ko"))

    assert (reference.page, reference.section) == (None, section)


def test_a_row_that_is_cut_into_passages_keeps_its_number() -> None:
    long = Passage("f", "a.csv", "the end of a long row", paged=False, n=1, place=Place(rows=(4, 5)))

    (reference,) = collect_references("It is the end [1].", Evidence("chat", (long,)))

    assert reference.section == "rows 4–5"


def test_a_passage_that_was_stored_without_a_place_is_read() -> None:
    stored = b'{"fileId":"f","file":"a.pdf","text":"One.","page":4,"section":"iv","paged":true,"n":0}'

    passage = msgspec.json.decode(stored, type=Passage)

    assert (passage.place, describe_section(passage, "en")) == (Place(), "iv")


def test_a_place_survives_the_store() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SHEET), type=Passage) == SHEET
