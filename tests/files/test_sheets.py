"""Sheets of XLSX, XLS and ODS: what is shown in their cells, beside the names of its columns, and where it stands."""

import pytest

from qa_service.errors import Unreadable
from qa_service.files.kinds import read_segments
from qa_service.files.number_formats import format_number
from qa_service.files.segment import RawFile, Segment
from qa_service.files.sniffing import sniff_kind
from qa_service.files.worksheets import MOST_CELLS, Worksheet
from qa_service.model import Place
from tests.documents import zipped
from tests.old_office import xls
from tests.packages import opendocument, sheet, xlsx

HEAD = ["품목", "값"]


def segments(content: bytes) -> list[Segment]:
    return [one for one in read_segments(sniff_kind(content, "a"), RawFile(content)) if one.text]


def lines(content: bytes) -> list[str]:
    return [line for segment in segments(content) for line in segment.text.splitlines() if line]


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (1200, "General", "1200"),
        (0.1 + 0.2, "", "0.3"),
        (1234567.5, '#,##0"원"', "1,234,568원"),
        (1234.5, "#,##0.00", "1,234.50"),
        (0.155, "0.0%", "15.5%"),
        (2.5, "0", "3"),
        (-2.5, "0", "-3"),
        (-1200, '#,##0;"△"#,##0', "△1,200"),
        (0, '0;-0;"–"', "–"),
        (1200, "[$₩-412]#,##0", "₩1,200"),
        (1200, "_-* #,##0_-;[Red]-* #,##0_-", "1,200"),
        (1_500_000, '#,##0,,"백만"', "2백만"),
        (1.5, "0.##", "1.5"),
        (12345, "0.00E+00", "1.23E+04"),
        (46000, "yyyy-mm-dd", "2025-12-09"),
        (46000, 'yyyy"년" m"월" d"일" aaaa', "2025년 12월 9일 화요일"),
        (46000.75, "yyyy/m/d h:mm AM/PM", "2025/12/9 6:00 PM"),
        (46000.75, "mm/dd/yy hh:mm:ss", "12/09/25 18:00:00"),
        (1.5, "[h]:mm", "36:00"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (7, "@", "7"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e300, "0.00", f"{1e300:.2f}"),
        (float("inf"), "0", ""),
    ],
)
def test_a_number_is_written_as_it_is_shown(value: float, code: str, shown: str) -> None:
    assert format_number(value, code) == shown


def test_dates_may_count_from_1904() -> None:
    assert format_number(44538, "yyyy-mm-dd", since_1904=True) == "2025-12-09"


class TestXlsx:
    STYLES = (
        '<s:numFmts><s:numFmt numFmtId="170" formatCode="#,##0&quot;원&quot;"/></s:numFmts>'
        '<s:cellXfs><s:xf numFmtId="0"/><s:xf numFmtId="170"/><s:xf numFmtId="9"/><s:xf numFmtId="14"/></s:cellXfs>'
    )

    def test_each_row_names_its_columns_and_its_place(self) -> None:
        rows = sheet(["2026년 가격표"], [], HEAD, ["펌프", (1200, 1)], ["밸브", (0.15, 2)], ["호스", (46000, 3)])

        title, table = segments(xlsx({"가격": rows}, styles=self.STYLES))

        assert (title.text, title.place) == ("2026년 가격표\n\n", Place(sheet="가격", rows=(1, 1)))
        assert table.text == "품목 | 값\n품목: 펌프 | 값: 1,200원\n품목: 밸브 | 값: 15%\n품목: 호스 | 값: 2025-12-09\n"
        assert (table.place, table.section) == (Place(sheet="가격", rows=(3, 6)), "가격")

    def test_the_strict_variant_is_read(self) -> None:
        assert lines(xlsx({"a": sheet(["하나", "둘"])}, strict=True)) == ["하나 | 둘"]

    def test_shared_texts_truths_and_errors_are_shown(self) -> None:
        cells = '<s:c t="s"><s:v>0</s:v></s:c><s:c t="b"><s:v>1</s:v></s:c><s:c t="e"><s:v>#REF!</s:v></s:c>'
        texts = "<s:si><s:r><s:t>가</s:t></s:r><s:r><s:t>격</s:t></s:r><s:rPh><s:t>reading</s:t></s:rPh></s:si>"

        content = xlsx({"a": f"<s:sheetData><s:row>{cells}</s:row></s:sheetData>"}, texts=texts)

        assert lines(content) == ["가격 | TRUE | #REF!"]

    def test_raised_numbers_and_line_ends_within_texts_are_shown(self) -> None:
        look = "<s:rPr><s:vertAlign val='{}script'/></s:rPr><s:t>2</s:t>"
        runs = f"<s:r><s:t>m</s:t></s:r><s:r>{look.format('super')}</s:r><s:r>{look.format('sub')}</s:r>"
        ends = "<s:si><s:t>가_x000D_\n나_x005F_x000D__x</s:t></s:si>"
        cells = '<s:c t="s"><s:v>0</s:v></s:c><s:c t="s"><s:v>1</s:v></s:c><s:c t="str"><s:v>_x0041_</s:v></s:c>'

        content = xlsx({"a": f"<s:sheetData><s:row>{cells}</s:row></s:sheetData>"}, texts=f"<s:si>{runs}</s:si>{ends}")

        assert lines(content) == ["m²₂ | 가 / 나_x000D__x | A"]

    def test_a_formula_that_nobody_has_computed_stands_in_the_place_of_its_value(self) -> None:
        cells = "<s:c><s:f>SUM(B1:B2)</s:f></s:c><s:c t='str'><s:f>A1</s:f><s:v></s:v></s:c>"
        cells += "<s:c><s:f>1+1</s:f><s:v>2</s:v></s:c>"

        assert lines(xlsx({"a": f"<s:sheetData><s:row>{cells}</s:row></s:sheetData>"})) == ["=SUM(B1:B2) | 2"]

    def test_cells_without_a_reference_follow_each_other(self) -> None:
        cell = '<s:c t="str"><s:v>{}</s:v></s:c>'
        rows = "".join(f"<s:row>{cell.format(n)}{cell.format(n + 1)}</s:row>" for n in (1, 3))

        (segment,) = segments(xlsx({"a": f"<s:sheetData>{rows}</s:sheetData>"}))

        assert (segment.text, segment.place.rows) == ("1 | 2\n3 | 4\n", (1, 2))

    def test_a_merged_cell_stands_in_each_of_its_rows(self) -> None:
        rows = sheet(["지역", "품목"], ["서울", "펌프"], ["", "밸브"], ["부산", "호스"], merged="A2:A3")

        assert lines(xlsx({"a": rows})) == ["지역 | 품목", *(f"지역: {a} | 품목: {b}" for a, b in PAIRS)]

    def test_a_second_table_below_has_its_own_names_and_a_gap_has_none(self) -> None:
        rows = sheet(
            HEAD, ["펌프", 1.0], ["밸브", 2.0], [], ["호스", 3.0], [], ["도시", "수"], ["서울", 4.0], ["부산", 5.0]
        )

        assert lines(xlsx({"a": rows}))[2:] == [
            "품목: 밸브 | 값: 2",
            "품목: 호스 | 값: 3",
            "도시 | 수",
            "도시: 서울 | 수: 4",
            "도시: 부산 | 수: 5",
        ]

    def test_hidden_sheets_are_left_out(self) -> None:
        assert lines(xlsx({"a": sheet(["보임", "x"]), "b": sheet(["숨음", "x"])}, hidden="b")) == ["보임 | x"]

    def test_notes_and_charts_follow_the_rows(self) -> None:
        note = "<s:comments><s:comment ref='B2'><s:t>부가세 별도</s:t></s:comment></s:comments>"
        content = xlsx({"a": sheet(["x", "y"])}, sheet_parts={"comments.xml": ("comments", note)})

        assert segments(content)[-1] == Segment("B2: 부가세 별도\n\n", section="a", place=Place(sheet="a"))

    def test_a_stray_cell_far_away_costs_nothing(self) -> None:
        stray = '<s:row r="1048576"><s:c r="XFD1048576"><s:v>9</s:v></s:c></s:row>'
        content = xlsx({"a": f'<s:sheetData><s:row r="1"><s:c r="A1"><s:v>1</s:v></s:c></s:row>{stray}</s:sheetData>'})

        assert [(one.text, one.place.rows) for one in segments(content)] == [
            ("1\n\n", (1, 1)),
            ("9\n\n", (1048576, 1048576)),
        ]

    def test_of_a_sheet_that_ends_badly_the_first_rows_are_read(self) -> None:
        row = "<s:row><s:c t='str'><s:v>앞</s:v></s:c></s:row>"
        content = xlsx({"a": f"<s:sheetData>{row}{' ' * 5_000}</s:wrong>"})
        reading = read_segments("xlsx", RawFile(content))

        assert next(reading).text == "앞\n\n"
        with pytest.raises(Unreadable, match="damaged"):
            next(reading)

    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({"xl/workbook.xml": "<x/>"}, "damaged"),
            ({"xl/workbook.bin": "x", "_rels/.rels": None}, "unsupported"),
        ],
    )
    def test_what_is_no_xlsx_says_so(self, members: dict[str, str | None], reason: str) -> None:
        relation = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r" Type="x/officeDocument" Target="xl/workbook.bin"/></Relationships>'
        )

        with pytest.raises(Unreadable, match=reason):
            segments(zipped({name: content or relation for name, content in members.items()}))


PAIRS = [("서울", "펌프"), ("서울", "밸브"), ("부산", "호스")]


class TestXls:
    def test_cells_are_shown_as_their_formats_say(self) -> None:
        content = xls([["품목", "값", "날짜"], ["펌프", 0.15, 46000.0]], {1: "0.0%", 2: "yyyy-mm-dd"})

        (segment,) = segments(content)

        assert segment.text == "품목 | 값 | 날짜\n품목: 펌프 | 값: 15.0% | 날짜: 2025-12-09\n"
        assert segment.place == Place(sheet="가격", rows=(1, 2))

    def test_hidden_sheets_are_left_out(self) -> None:
        assert segments(xls([["숨음"]], {}, hidden=True)) == []

    def test_a_broken_one_is_damaged(self) -> None:
        with pytest.raises(Unreadable, match="damaged"):
            list(read_segments("xls", RawFile(xls([["a"]], {})[:600])))


class TestOds:
    def test_cells_are_read_as_they_are_shown_with_repeated_and_empty_ones(self) -> None:
        def cell(text: str, more: str = "") -> str:
            return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"

        gap = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
        rows = f"<table:table-row>{cell('품목')}{cell('값')}</table:table-row>"
        rows += f"<table:table-row>{cell('펌프')}{cell('15%')}</table:table-row>{gap}"
        twice = "table:number-columns-repeated='2'"
        rows += f"<table:table-row>{cell('예', twice)}</table:table-row>"
        content = opendocument("spreadsheet", f'<table:table table:name="가격">{rows}</table:table>')

        assert [(one.text, one.place) for one in segments(content)] == [
            ("품목 | 값\n품목: 펌프 | 값: 15%\n", Place(sheet="가격", rows=(1, 2))),
            ("품목: 예 | 값: 예\n", Place(sheet="가격", rows=(1048003, 1048003))),
        ]

    def test_a_cell_without_its_text_shows_its_value_or_its_formula(self) -> None:
        cells = (
            "office:value='1.5'",
            "office:date-value='2026-03-01'",
            "table:formula='of:=SUM([.A1:.B1])'",
            "table:formula='of:=1+1' office:value='2'",
            "",
        )
        row = "".join(f"<table:table-cell {cell}/>" for cell in cells)
        body = f'<table:table table:name="a"><table:table-row>{row}</table:table-row></table:table>'

        assert lines(opendocument("spreadsheet", body)) == ["1.5 | 2026-03-01 | =SUM([.A1:.B1]) | 2"]

    def test_hidden_sheets_are_left_out(self) -> None:
        styles = (
            '<office:automatic-styles><style:style style:name="h" style:family="table">'
            '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
        )
        row = "<table:table-row><table:table-cell><text:p>숨음</text:p></table:table-cell></table:table-row>"
        body = f'<table:table table:name="a" table:style-name="h">{row}</table:table>'

        assert segments(opendocument("spreadsheet", body, lists=styles)) == []


def test_a_sheet_of_too_many_cells_is_cut() -> None:
    worksheet = Worksheet("a")

    with pytest.raises(Unreadable, match="too_large"):
        fill_diagonal(worksheet)

    assert next(worksheet.list_segments()).text.startswith("x\n")


def fill_diagonal(worksheet: Worksheet) -> None:
    for number in range(1, 1 + MOST_CELLS):
        worksheet.add_cell(number, number, "x")
