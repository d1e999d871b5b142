"""The slides of a PPTX are pages, in the order in which they are read."""

import pytest

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile, Segment
from qa_service.files.slides import read_pptx
from qa_service.model import Place
from tests.packages import pptx, shape, word


def slides(content: bytes) -> list[list[str]]:
    return [segment.text.splitlines()[:-1] for segment in read_pptx(RawFile(content))]


def frame(inner: str) -> str:
    return f"<p:graphicFrame><p:xfrm><a:off x='0' y='9999999'/></p:xfrm>{inner}</p:graphicFrame>"


def test_each_slide_is_a_page_with_its_title_and_its_notes() -> None:
    notes = f"<p:notes>{shape('할인도 말한다.', kind='body')}{shape('3', kind='sldNum')}</p:notes>"
    notes = notes.replace("<p:notes>", "<p:notes><p:cSld><p:spTree>").replace(
        "</p:notes>", "</p:spTree></p:cSld></p:notes>"
    )
    first = shape("어른은 만 원이다.", at=(2, 0)) + shape("요금", kind="title")

    segments = [*read_pptx(RawFile(pptx((first, {"notes.xml": ("notesSlide", notes)}), ("", {}))))]

    assert segments == [
        Segment("요금\n어른은 만 원이다.\n할인도 말한다.\n\n", 1, 2, section="요금", paged=True, place=Place(slide=1)),
        Segment("", 2, 2, paged=True, place=Place(slide=2)),
    ]


@pytest.mark.parametrize("strict", [False, True])
def test_shapes_are_read_from_top_to_bottom_and_groups_within_their_place(strict: bool) -> None:
    group = "<p:grpSp><p:grpSpPr><a:xfrm><a:off x='0' y='1828800'/></a:xfrm></p:grpSpPr>"
    group += f"{shape('넷', at=(9, 0))}{shape('셋', at=(1, 0))}</p:grpSp>"
    drawn = shape("다섯", at=(5, 0)) + group + shape("둘", at=(1, 4)) + shape("하나", at=(1, 1))

    assert slides(pptx((drawn, {}), strict=strict)) == [["하나", "둘", "셋", "넷", "다섯"]]


def test_a_placeholder_stands_where_its_layout_says() -> None:
    drawn = shape("아래", at=(3, 0)) + shape("위", kind="body")

    assert slides(pptx((drawn, {}), layout=shape(kind="body", at=(1, 0)))) == [["위", "아래"]]


def test_where_a_place_is_unknown_the_order_of_drawing_counts() -> None:
    assert slides(pptx((shape("하나", at=(3, 0)) + shape("둘") + shape("셋", at=(1, 0)), {}))) == [["하나", "둘", "셋"]]


@pytest.mark.parametrize("raised", ["30000", "30%"])
def test_raised_and_lowered_numbers_are_no_part_of_the_number_before_them(raised: str) -> None:
    looks = (raised, f"-{raised}", "0", "")
    runs = "".join(f"<a:r><a:rPr baseline='{look}'/><a:t>2</a:t></a:r>" for look in looks)

    assert slides(pptx((shape(f"<a:p><a:r><a:t>10</a:t></a:r>{runs}</a:p>"), {}))) == [["10²₂22"]]


def test_margins_are_left_out_and_alternatives_are_read_once() -> None:
    drawn = shape("7", kind="sldNum") + shape("2026", kind="dt")
    choices = f"<mc:Choice>{shape('식')}</mc:Choice><mc:Fallback>{shape('식')}</mc:Fallback>"
    drawn += f"<mc:AlternateContent>{choices}</mc:AlternateContent>"

    assert slides(pptx((drawn, {}))) == [["식"]]


def test_tables_charts_diagrams_and_equations_are_read() -> None:
    def row(*cells: str) -> str:
        return f"<a:tr>{''.join(f'<a:tc><a:p><a:r><a:t>{cell}</a:t></a:r></a:p></a:tc>' for cell in cells)}</a:tr>"

    rows = row("품목", "비고") + row("펌프", "새것").replace("<a:tc>", "<a:tc rowSpan='2'>", 1)
    rows += row("", "헌것").replace("<a:tc>", "<a:tc vMerge='1'>", 1)
    table = frame(f"<a:tbl><a:tblPr firstRow='1'/>{rows}</a:tbl>")
    series = "".join(
        f"<c:{name}><c:pt idx='0'><c:v>{v}</c:v></c:pt></c:{name}>" for name, v in (("cat", "1분기"), ("val", 10))
    )
    chart = f"<c:chart><c:ser>{series}</c:ser></c:chart>"
    diagram = "<dgm:dataModel><a:p><a:r><a:t>1단계</a:t></a:r></a:p></dgm:dataModel>"
    root = "<a:p><m:oMath><m:rad><m:e><m:r><m:t>2</m:t></m:r></m:e></m:rad></m:oMath></a:p>"
    drawn = table + frame("<c:chart r:id='r1'/>") + frame("<dgm:relIds r:dm='r2'/>") + shape(root, at=(99, 0))

    assert slides(pptx((drawn, {"c.xml": ("chart", chart), "d.xml": ("diagramData", diagram)}))) == [
        ["품목 | 비고", "품목: 펌프 | 비고: 새것", "품목: 펌프 | 비고: 헌것", "1분기 | 10", "1단계", "√2"]
    ]


def test_numbers_of_lists_are_written() -> None:
    def item(text: str, kind: str = "", level: int = 0, start: int = 1) -> str:
        number = f"<a:buAutoNum type='{kind}' startAt='{start}'/>" if kind else "<a:buChar char='-'/>"
        return f"<a:p><a:pPr lvl='{level}'>{number}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"

    items = [
        item("a", "arabicPeriod", start=3),
        item("b", "alphaLcParenR", 1),
        item("c", "alphaLcParenR", 1),
        item("d", "arabicPeriod"),
        item("e", "alphaLcParenR", 1),
        item("f"),
    ]

    assert slides(pptx((shape(*items), {}))) == [["3. a", "a) b", "b) c", "4. d", "a) e", "• f"]]


def test_a_layout_that_names_itself_is_no_circle() -> None:
    content = pptx((shape("글"), {"s.xml": ("slideLayout", "<p:sldLayout></p:sldLayout>")}), layout_of="s.xml")

    assert slides(content) == [["글"]]


def test_another_package_is_unsupported() -> None:
    with pytest.raises(Unreadable, match="unsupported"):
        list(read_pptx(RawFile(word("<w:p/>"))))
