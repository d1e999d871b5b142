"""HWPX and HWP, the files of Hangul, are read."""

import pytest

from qa_service.errors import Unreadable
from qa_service.files.hangul import is_chapter_title, write_hangul_equation
from qa_service.files.hwp import read_hwp
from qa_service.files.hwpx import read_hwpx
from qa_service.files.segment import RawFile
from tests.documents import zipped
from tests.old_office import hwp
from tests.packages import hp, hwpx

needs_unhwp = pytest.mark.skipif(read_hwp.__globals__["unhwp"] is None, reason="it has no library for this machine")


def sections(content: bytes) -> list[tuple[str, str]]:
    return [(one.section, one.text) for one in read_hwpx(RawFile(content)) if one.text]


def lines(body: str, header: str = "") -> list[str]:
    return [line for _, text in sections(hwpx(body, header)) for line in text.splitlines() if line]


def sub_list(text: str) -> str:
    return f"<hp:subList>{hp(text)}</hp:subList>"


class TestHwpx:
    def test_raised_and_lowered_numbers_are_no_part_of_the_number_before_them(self) -> None:
        header = "<hh:charPr id='7'><hh:supscript/></hh:charPr><hh:charPr id='8'><hh:subscript/></hh:charPr>"
        runs = "".join(f"<hp:run charPrIDRef='{look}'><hp:t>2</hp:t></hp:run>" for look in (7, 8, 9))

        assert lines(f"<hp:p><hp:run><hp:t>10</hp:t></hp:run>{runs}</hp:p>", header) == ["10²₂2"]

    def test_text_that_was_deleted_while_changes_were_tracked_is_left_out(self) -> None:
        begin, end = '<hp:deleteBegin Id="1" TcId="1"/>', '<hp:deleteEnd Id="1" TcId="1"/>'

        assert lines(hp(f"a{begin}no<hp:tab/>no") + hp("no") + hp(f"no{end}b")) == ["a", "b"]
        assert lines(hp(f"a{begin}b{end.replace('1', '2', 1)}c{begin}")) == ["abc"]

    HEADER = (
        '<hh:numbering id="1"><hh:paraHead start="1" level="1" numFormat="DIGIT">제^1조</hh:paraHead>'
        '<hh:paraHead start="1" level="2" numFormat="HANGUL_SYLLABLE">^1-^2.</hh:paraHead></hh:numbering>'
        '<hh:paraPr id="1"><hh:heading type="OUTLINE" idRef="0" level="0"/></hh:paraPr>'
        '<hh:paraPr id="2"><hh:heading type="NUMBER" idRef="1" level="0"/></hh:paraPr>'
        '<hh:paraPr id="3"><hh:heading type="NUMBER" idRef="1" level="1"/></hh:paraPr>'
        '<hh:paraPr id="4"><hh:heading type="BULLET" idRef="1" level="0"/></hh:paraPr>'
        '<hh:style id="5" name="개요 1" engName="Outline 1"/><hh:style id="6" name="바탕글" engName="Normal"/>'
    )

    def test_outlines_styles_and_titles_of_chapters_begin_sections(self) -> None:
        body = hp("앞") + hp("휴가", properties=1) + hp("출장", style=5) + hp("글", style=6) + hp("제3장 보수")

        assert sections(hwpx(body, self.HEADER)) == [
            ("", "앞\n\n"),
            ("휴가", "휴가\n\n"),
            ("출장", "출장\n글\n\n"),
            ("제3장 보수", "제3장 보수\n\n"),
        ]

    def test_numbers_are_counted_as_hangul_does(self) -> None:
        body = hp("a", properties=2) + hp("b", properties=3) + hp("c", properties=3) + hp("d", properties=2)
        body += hp("e", properties=3) + hp("f", properties=4)

        assert lines(body, self.HEADER) == ["제1조 a", "1-가. b", "1-나. c", "제2조 d", "2-가. e", "• f"]

    def test_an_outline_is_numbered_where_its_section_says_so(self) -> None:
        body = '<hp:p><hp:run><hp:secPr outlineShapeIDRef="1"/></hp:run></hp:p>' + hp("목적", properties=1)

        assert lines(body, self.HEADER) == ["제1조 목적"]

    def test_notes_boxes_captions_and_memos_follow_their_paragraph(self) -> None:
        more = f"<hp:ctrl><hp:footNote>{sub_list('각주')}</hp:footNote></hp:ctrl>"
        said = "<hp:shapeComment>그림입니다.</hp:shapeComment>"
        more += f"<hp:rect><hp:drawText>{sub_list('상자')}</hp:drawText>{said}</hp:rect>"
        more += f"<hp:ctrl><hp:fieldBegin type='MEMO'>{sub_list('메모')}</hp:fieldBegin></hp:ctrl><hp:t> 뒤</hp:t>"

        assert lines(hp("앞", more=more) + hp("다음")) == ["앞 뒤", "각주", "상자", "메모", "다음"]

    def test_headers_and_footers_are_the_last_section(self) -> None:
        more = (
            f"<hp:ctrl><hp:header>{sub_list('대외비')}</hp:header><hp:footer>{sub_list('대외비')}</hp:footer></hp:ctrl>"
        )

        assert sections(hwpx(hp("글", more=more))) == [("", "글\n\n"), ("", "대외비\n\n")]

    def test_what_is_no_plain_text_is_written(self) -> None:
        text = "가<hp:tab/>나<hp:lineBreak/>다<hp:nbSpace/>라"
        more = "<hp:equation><hp:script>{3} over {4}</hp:script></hp:equation>"
        more += "<hp:checkBtn value='CHECKED' caption='예'/><hp:checkBtn value='UNCHECKED' caption='아니오'/>"

        assert "".join(sections(hwpx(hp(text, more=more)))[0][1]) == "가\t나\n다 라3/4☒ 예☐ 아니오\n\n"

    def test_a_table_names_its_columns_and_repeats_what_spans_rows(self) -> None:
        def cell(row: int, column: int, text: str, rows: int = 1, columns: int = 1, header: int = 0) -> str:
            places = (
                f'<hp:cellAddr rowAddr="{row}" colAddr="{column}"/><hp:cellSpan rowSpan="{rows}" colSpan="{columns}"/>'
            )
            return f'<hp:tc header="{header}">{sub_list(text)}{places}</hp:tc>'

        rows = [
            cell(0, 0, "지역", 2, 1, 1) + cell(0, 1, "금액", 1, 2, 1),
            cell(1, 1, "상반기", header=1) + cell(1, 2, "하반기", header=1),
            cell(2, 0, "서울", 2) + cell(2, 1, "가") + cell(2, 2, "나"),
            cell(3, 1, "다") + cell(3, 2, "라"),
        ]
        table = f"<hp:tbl>{''.join(f'<hp:tr>{row}</hp:tr>' for row in rows)}</hp:tbl>"

        assert lines(hp("표", more=table))[-2:] == [
            "지역: 서울 | 금액 상반기: 가 | 금액 하반기: 나",
            "지역: 서울 | 금액 상반기: 다 | 금액 하반기: 라",
        ]

    def test_a_table_that_is_only_a_frame_keeps_its_lines(self) -> None:
        cell = f"<hp:tc><hp:subList>{hp('첫째.')}{hp('둘째.')}</hp:subList></hp:tc>"

        assert lines(hp("", more=f"<hp:tbl><hp:tr>{cell}</hp:tr></hp:tbl>")) == ["첫째.", "둘째."]

    def test_a_table_of_giant_spans_is_bounded(self) -> None:
        span = '<hp:cellSpan rowSpan="2000000000" colSpan="2000000000"/>'

        assert lines(hp("", more=f"<hp:tbl><hp:tr><hp:tc>{sub_list('글')}{span}</hp:tc></hp:tr></hp:tbl>")) == ["글"]

    def test_a_table_of_giant_places_is_too_large(self) -> None:
        place = '<hp:cellAddr rowAddr="2000000000" colAddr="7"/>'

        with pytest.raises(Unreadable, match="too_large"):
            lines(hp("", more=f"<hp:tbl><hp:tr><hp:tc>{sub_list('글')}{place}</hp:tc></hp:tr></hp:tbl>"))

    def test_sections_come_in_the_order_of_their_numbers(self) -> None:
        section = '<s xmlns:hp="http://www.hancom.co.kr/hwpml/2024/paragraph">{}</s>'
        more = {f"Contents/section{n}": section.format(hp(f"{n}부")) for n in (10, 2)}

        assert lines_of(hwpx(hp("0부"), **more)) == ["0부", "2부", "10부"]

    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({"Contents/section0.xml": "<x"}, "damaged"),
            ({"Contents/section0.xml": "<!DOCTYPE x><x/>"}, "damaged"),
            ({"META-INF/manifest.xml": "<odf:encryption-data/>"}, "encrypted"),
        ],
    )
    def test_what_can_not_be_read_says_why(self, members: dict[str, str], reason: str) -> None:
        with pytest.raises(Unreadable, match=reason):
            list(read_hwpx(RawFile(zipped({"mimetype": "application/hwp+zip", **members}))))


def lines_of(content: bytes) -> list[str]:
    return [line for _, text in sections(content) for line in text.splitlines() if line]


@needs_unhwp
class TestHwp:
    def test_paragraphs_and_titles_of_chapters_are_read(self) -> None:
        content = hwp(["앞", "제1장 총칙", "요금은 40원이다.", "제2조 이 법은 곧 시행한다."])

        assert [(one.section, one.text) for one in read_hwp(RawFile(content)) if one.text] == [
            ("", "앞\n\n"),
            ("제1장 총칙", "제1장 총칙\n요금은 40원이다.\n제2조 이 법은 곧 시행한다.\n\n"),
        ]

    def test_a_note_follows_its_paragraph(self) -> None:
        (segment,) = read_hwp(RawFile(hwp(["요금은 40원이다."], note="배송비 별도")))

        assert segment.text == "요금은 40원이다.\n배송비 별도\n\n"

    @pytest.mark.parametrize(
        ("content", "reason"), [(hwp(["가"], flags=3), "encrypted"), (hwp(["가"])[:900], "damaged")]
    )
    def test_what_can_not_be_read_says_why(self, content: bytes, reason: str) -> None:
        with pytest.raises(Unreadable, match=reason):
            list(read_hwp(RawFile(content)))


@pytest.mark.parametrize(
    ("script", "written"),
    [
        ("{3} over {4}", "3/4"),
        ("{a+b} over 2", "(a+b)/2"),
        ("x^2 + sqrt {2}", "x^2 + √2"),
        ("10 times 3`=`30", "10 × 3 = 30"),
        ("{x} _{1}", "x_1"),
    ],
)
def test_an_equation_keeps_its_meaning(script: str, written: str) -> None:
    assert write_hangul_equation(script) == written


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("제2장 휴가", True),
        ("제 3 절 보수와 수당", True),
        ("제2장에서 정한다", False),
        ("제2장 휴가. 본문이다.", False),
    ],
)
def test_a_title_of_a_chapter_is_known_by_its_form(text: str, title: bool) -> None:
    assert is_chapter_title(text) is title
