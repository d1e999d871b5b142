"""ODT and ODP: paragraphs, lists, notes and tables, and slides. ODS is with the other sheets."""

import pytest

from qa_service.errors import Unreadable
from qa_service.files.opendocument import read_odp, read_odt
from qa_service.files.segment import RawFile, Segment
from qa_service.model import Place
from tests.documents import zipped
from tests.packages import opendocument


def sections(body: str, **more: str) -> list[tuple[str, str]]:
    content = opendocument("text", body, **more)
    return [(one.section, one.text) for one in read_odt(RawFile(content)) if one.text]


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def test_headings_begin_sections_and_margins_are_the_last() -> None:
    margins = f"<style:master-page><style:header>{p('대외비')}</style:header></style:master-page>"
    body = p("앞") + "<text:h text:outline-level='1'>제1장</text:h>" + p("본문")

    assert sections(body, styles=margins) == [("", "앞\n\n"), ("제1장", "제1장\n본문\n\n"), ("", "대외비\n\n")]


def test_spaces_tabs_breaks_and_changes_are_read_as_they_are_shown() -> None:
    removed = f"<text:tracked-changes>{p('지운 글')}</text:tracked-changes>"
    text = "가<text:s text:c='2'/>나<text:tab/>다<text:line-break/><text:span>라</text:span>마<text:s/>바"

    assert sections(removed + p(text)) == [("", "가  나\t다\n라마 바\n\n")]


def test_notes_comments_and_boxes_follow_their_paragraph() -> None:
    note = (
        f"<text:note><text:note-citation>1</text:note-citation><text:note-body>{p('각주')}</text:note-body></text:note>"
    )
    comment = f"<office:annotation>{p('메모')}</office:annotation>"
    box = f"<draw:frame><draw:text-box>{p('상자')}</draw:text-box></draw:frame>"

    assert sections(p(f"본{note}문{comment}{box}.") + p("다음")) == [("", "본문.\n각주\n메모\n상자\n다음\n\n")]


def styled(*properties: str, family: str = "text") -> str:
    """Return styles with these properties, which are named T0, T1 and so on, and T, which inherits from the last
    one."""
    written = "".join(
        f"<style:style style:name='T{number}' style:family='{family}'><style:text-properties {one}/></style:style>"
        for number, one in enumerate(properties)
    )
    last = f"<style:style style:name='T' style:family='{family}' style:parent-style-name='T{len(properties) - 1}'/>"
    return f"<office:automatic-styles>{written}{last}</office:automatic-styles>"


def test_raised_and_lowered_numbers_are_no_part_of_the_number_before_them() -> None:
    lists = styled("style:text-position='sub 58%'", "style:text-position='0% 100%'", "style:text-position='33% 58%'")
    spans = [f"<text:span text:style-name='{name}'>2</text:span>" for name in ("T", "T0", "T1", "none")]

    assert sections(p("10{} m{} 1{} 3{}".format(*spans)), lists=lists) == [("", "10² m₂ 12 32\n\n")]


def test_hidden_words_paragraphs_and_sections_are_left_out() -> None:
    word = "a<text:span text:style-name='T'>no<text:span>no</text:span></text:span>b"
    word += "<text:variable-set text:display='none'>no</text:variable-set>"
    paragraph = "<text:p text:style-name='T'>no</text:p>"
    section = f"<text:section text:display='none'>{p('no')}</text:section><text:section>{p('c')}</text:section>"

    assert sections(p(word) + section, lists=styled("text:display='none'")) == [("", "ab\nc\n\n")]
    assert sections(paragraph, lists=styled("text:display='none'", family="paragraph")) == []


def test_headings_have_the_numbers_of_the_outline() -> None:
    def level(number: int, more: str) -> str:
        return f"<text:outline-level-style text:level='{number}' style:num-format='1' {more}/>"

    first, second = level(1, "style:num-prefix='제' style:num-suffix='조'"), level(2, "text:display-levels='2'")
    styles = f"<text:outline-style>{first}{second}<text:outline-level-style text:level='3'/></text:outline-style>"
    marks = ("1'", "2'", "2'", "1' text:is-list-header='true'", "1'", "2'", "3'")
    body = "".join(f"<text:h text:outline-level='{mark}>a</text:h>" for mark in marks)

    found = [section for section, _ in sections(body, styles=styles)]

    assert found == ["제1조 a", "1.1 a", "1.2 a", "a", "제2조 a", "2.1 a", "a"]


class TestLists:
    STYLES = (
        "<office:automatic-styles><text:list-style style:name='L'>"
        "<text:list-level-style-number text:level='1' style:num-prefix='제' style:num-suffix='조'"
        " style:num-format='1'/>"
        "<text:list-level-style-number text:level='2' style:num-format='가' style:num-suffix='.' text:start-value='2'/>"
        "<text:list-level-style-number text:level='3' style:num-format='i' text:display-levels='3'/>"
        "</text:list-style><text:list-style style:name='B'><text:list-level-style-bullet text:level='1'/>"
        "</text:list-style></office:automatic-styles>"
    )

    def listed(self, body: str) -> list[str]:
        return "".join(text for _, text in sections(body, lists=self.STYLES)).split()

    def test_levels_are_numbered_in_their_forms(self) -> None:
        def items(*contents: str) -> str:
            return "".join(f"<text:list-item>{content}</text:list-item>" for content in contents)

        third = f"<text:list>{items(p('d'))}</text:list>"
        second = f"<text:list>{items(p('b'), p('c') + third)}</text:list>"
        first = items(p("a") + second, p("e"))

        assert self.listed(f"<text:list text:style-name='L'>{first}</text:list>") == [
            *("제1조", "a", "나.", "b", "다.", "c", "1.다.i", "d", "제2조", "e")
        ]

    def test_a_list_begins_anew_or_goes_on(self) -> None:
        def one(text: str, more: str = "") -> str:
            return f"<text:list text:style-name='L' {more}><text:list-item>{p(text)}</text:list-item></text:list>"

        assert self.listed(one("a") + one("b", "text:continue-numbering='true'") + one("c")) == [
            *("제1조", "a", "제2조", "b", "제1조", "c")
        ]

    def test_bullets_are_bullets(self) -> None:
        assert self.listed(
            f"<text:list text:style-name='B'><text:list-item>{p('a')}{p('b')}</text:list-item></text:list>"
        ) == ["•", "a", "b"]

    def test_lists_nested_beyond_all_bounds_are_cut(self) -> None:
        nested = "<text:list><text:list-item>" * 60 + p("x") + "</text:list-item></text:list>" * 60

        assert self.listed(nested + p("y")) == ["y"]


def row(*cells: str) -> str:
    written = "".join(f"<table:table-cell>{p(cell)}</table:table-cell>" for cell in cells)
    return f"<table:table-row>{written}</table:table-row>"


def test_the_rows_of_a_table_name_their_columns() -> None:
    header = f"<table:table-header-rows>{row('이름', '부서')}</table:table-header-rows>"

    assert sections(f"<table:table>{header}{row('김철수', '총무과')}</table:table>") == [
        ("", "이름 | 부서\n이름: 김철수 | 부서: 총무과\n\n")
    ]


def test_a_cell_over_several_rows_stands_in_each_and_repeated_cells_keep_the_others_in_place() -> None:
    spanning = f"<table:table-cell table:number-rows-spanned='2'>{p('펌프')}</table:table-cell>"
    fee = f"<table:table-cell>{p('130')}</table:table-cell>"
    gap = "<table:table-cell table:number-columns-repeated='2'/>"
    rows = [
        row("품목", "값", "재고"),
        row("120", "3").replace("<table:table-cell>", f"{spanning}<table:table-cell>", 1),
        f"<table:table-row><table:covered-table-cell/>{fee}</table:table-row>",
        f"<table:table-row>{gap}{fee}</table:table-row>",
    ]

    assert sections(f"<table:table>{''.join(rows)}</table:table>") == [
        ("", "품목 | 값 | 재고\n품목: 펌프 | 값: 120 | 재고: 3\n품목: 펌프 | 값: 130\n재고: 130\n\n")
    ]


def test_slides_are_pages_with_their_title_first_and_their_notes_last() -> None:
    def frame(text: str, top: int, more: str = "") -> str:
        return f"<draw:frame svg:y='{top}cm' svg:x='1cm' {more}><draw:text-box>{p(text)}</draw:text-box></draw:frame>"

    notes = f"<presentation:notes>{frame('말할 것', 1)}<text:page-number/></presentation:notes>"
    chart = "<draw:frame svg:y='8cm'><draw:object xlink:href='./Object 1'/></draw:frame>"
    title = frame("요금", 9, "presentation:class='title'")
    body = f"<draw:page>{notes}{chart}{frame('아래', 5)}{frame('위', 2)}{title}</draw:page><draw:page/>"
    content = opendocument("presentation", body, **{"Object 1": f"<table:table>{row('1분기', '10')}</table:table>"})

    assert [*read_odp(RawFile(content))] == [
        Segment("요금\n위\n아래\n1분기 | 10\n말할 것\n\n", 1, 2, section="요금", paged=True, place=Place(slide=1)),
        Segment("", 2, 2, paged=True, place=Place(slide=2)),
    ]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"mimetype": "x"}, "damaged"),
        ({"content.xml": "<x"}, "damaged"),
        ({"content.xml": "<x/>"}, "damaged"),
        ({"content.xml": "<!DOCTYPE x><x/>"}, "damaged"),
        ({"content.xml": "?", "META-INF/manifest.xml": "<m:encryption-data/>"}, "encrypted"),
    ],
)
def test_what_can_not_be_read_says_why(members: dict[str, str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(read_odt(RawFile(zipped(members))))
