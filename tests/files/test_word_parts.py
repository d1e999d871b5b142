"""A DOCX is read with what stands in other parts of the package than its text, and with what only Word makes
visible."""

import pytest

from qa_service.errors import Unreadable
from qa_service.files.segment import RawFile
from qa_service.files.word import read_docx
from tests.packages import p, table, word


def lines(content: bytes) -> list[str]:
    return [line for segment in read_docx(RawFile(content)) for line in segment.text.splitlines() if line]


def equation(inner: str) -> str:
    return f"<m:oMath>{inner}</m:oMath>"


def m(name: str, **parts: str) -> str:
    inner = "".join(f"<m:{part}><m:r><m:t>{text}</m:t></m:r></m:{part}>" for part, text in parts.items())
    return f"<m:{name}>{inner}</m:{name}>"


def test_another_package_with_words_folder_is_unsupported() -> None:
    with pytest.raises(Unreadable, match="unsupported"):
        list(read_docx(RawFile(word("", root="w:glossary"))))


def test_the_strict_variant_is_read_with_its_headings_and_notes() -> None:
    heading = p("제1장", properties='<w:outlineLvl w:val="0"/>')
    note = ("footnotes", "footnotes.xml", f"<w:footnotes><w:footnote w:id='1'>{p('각주')}</w:footnote></w:footnotes>")
    body = heading + p("본문", "<w:r><w:footnoteReference w:id='1'/></w:r>")

    assert lines(word(body, note, strict=True)) == ["제1장", "본문", "각주"]


@pytest.mark.parametrize("target", ["NULL", "#_top", "media/gone.png", "../gone.xml", "%zz"])
def test_a_relation_to_a_missing_part_is_nothing(target: str) -> None:
    found = [(kind, target, "") for kind in ("image", "footnotes", "styles", "header")]

    assert lines(word(p("본문"), *found)) == ["본문"]


def test_relations_in_a_circle_are_followed_once() -> None:
    assert lines(word(p("본문"), ("header", "document.xml", ""))) == ["본문", "본문"]


class TestNumbers:
    LEVELS = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/>{more}'
        "</w:lvl>"
        for level, (start, form, text, more) in enumerate(
            [
                (1, "decimal", "제%1조", "<w:pStyle w:val='article'/>"),
                (1, "ganada", "%1-%2.", ""),
                (3, "lowerRoman", "%1%3)", "<w:isLgl/>"),
                (1, "bullet", "\uf0b7", ""),
            ]
        )
    )
    NUMBERING = (
        "numbering",
        "numbering.xml",
        f'<w:numbering><w:abstractNum w:abstractNumId="7">{LEVELS}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="7"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>',
    )

    def listed(self, *items: tuple[int, int]) -> list[str]:
        body = "".join(
            p("글", properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')
            for number, level in items
        )
        return [line.removesuffix(" 글") for line in lines(word(body, self.NUMBERING))]

    def test_each_level_counts_below_the_one_above(self) -> None:
        assert self.listed((1, 0), (1, 0), (1, 1), (1, 1), (1, 0), (1, 1)) == [
            "제1조",
            "제2조",
            "2-가.",
            "2-나.",
            "제3조",
            "3-가.",
        ]

    def test_a_level_begins_where_it_says_and_may_want_digits(self) -> None:
        assert self.listed((1, 2), (1, 2)) == ["13)", "14)"]

    def test_bullets_are_signs_and_a_paragraph_without_a_list_has_none(self) -> None:
        assert self.listed((1, 3), (0, 0), (9, 0), (1, 8)) == ["•", "글", "글", "글"]

    def test_a_list_may_start_anew_in_the_middle(self) -> None:
        assert self.listed((1, 0), (2, 0), (2, 0), (1, 0)) == ["제1조", "제5조", "제6조", "제7조"]

    def test_a_style_numbers_its_paragraphs(self) -> None:
        styles = (
            "styles",
            "styles.xml",
            '<w:styles><w:style w:styleId="article"><w:name w:val="heading 3"/>'
            '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style></w:styles>',
        )
        body = p("(목적)", properties='<w:pStyle w:val="article"/>') + p("글")

        segments = [*read_docx(RawFile(word(body, styles, self.NUMBERING)))]

        assert [(s.section, s.text) for s in segments if s.text] == [("제1조 (목적)", "제1조 (목적)\n글\n\n")]


@pytest.mark.parametrize(
    ("inner", "written"),
    [
        (m("f", num="3", den="4"), "3/4"),
        (m("f", num="a+b", den="2"), "(a+b)/2"),
        (m("sSup", e="10", sup="6"), "10^6"),
        (m("sSub", e="x", sub="1"), "x_1"),
        (m("sSubSup", e="x", sub="i", sup="2"), "x_i^2"),
        (m("rad", e="2"), "√2"),
        (m("rad", deg="3", e="x+1"), "∛(x+1)"),
        ('<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>' + m("nary", sub="i=1", sup="n", e="i")[8:], "∑_(i=1)^n i"),
        ('<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val=")"/></m:dPr>' + m("d", e="0,1")[5:], "[0,1)"),
        ("<m:m><m:mr><m:e><m:r><m:t>1</m:t></m:r></m:e><m:e><m:r><m:t>2</m:t></m:r></m:e></m:mr></m:m>", "[1, 2]"),
        (m("func", fName="sin", e="θ"), "sin θ"),
        (f"<m:f><m:num>{m('sSup', e='a', sup='2')}</m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>", "(a^2)/b"),
    ],
)
def test_an_equation_keeps_its_meaning(inner: str, written: str) -> None:
    assert lines(word(p("값은 ", equation(inner), " 이다"))) == [f"값은 {written} 이다"]


@pytest.mark.parametrize(
    ("run", "written"),
    [
        ('<w:sym w:font="Wingdings" w:char="F0FE"/>', "☑"),
        ('<w:sym w:font="Wingdings" w:char="F0A8"/>', "☐"),
        ('<w:sym w:font="Wingdings 2" w:char="F052"/>', "☑"),
        ('<w:sym w:font="Symbol" w:char="F061"/>', "α"),
        ('<w:sym w:font="Own" w:char="F099"/>', "•"),
        ('<w:sym w:font="Own" w:char="2603"/>', "☃"),
        ("<w:fldChar><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar>", "☒"),
        ('<w:fldChar><w:ffData><w:checkBox><w:checked w:val="0"/></w:checkBox></w:ffData></w:fldChar>', "☐"),
        ('<w:fldChar><w:ffData><w:checkBox><w:default w:val="1"/></w:checkBox></w:ffData></w:fldChar>', "☒"),
        (
            '<w:fldChar><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="우편"/><w:listEntry w:val="택배"/>'
            "</w:ddList></w:ffData></w:fldChar>",
            "택배",
        ),
        ("<w:rPr><w:vanish/></w:rPr><w:t>숨은 글</w:t>", ""),
        (
            "<w:ruby><w:rt><w:r><w:t>かん</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r></w:rubyBase></w:ruby>",
            "(かん)漢",
        ),
    ],
)
def test_what_word_shows_without_a_text_is_text(run: str, written: str) -> None:
    assert lines(word(p("앞", f"<w:r>{run}</w:r>", "뒤"))) == [f"앞{written}뒤"]


class TestTables:
    def test_a_row_stands_beside_the_names_of_its_columns(self) -> None:
        rows = [[f"Depot {n}", f"{n * 7 + 5} EUR"] for n in range(3)]

        assert lines(word(table(["Depot", "Closing fee"], *rows)))[-1] == "Depot: Depot 2 | Closing fee: 19 EUR"

    def test_names_are_never_made_up(self) -> None:
        form = [["성명", "홍길동", "부서", "총무과"], ["직위", "과장", "전화", "02-123-4567"]]

        assert lines(word(table(*form))) == [" | ".join(row) for row in form]

    def test_a_header_row_that_is_marked_is_believed(self) -> None:
        mark = "<w:trPr><w:tblHeader/></w:trPr>"
        xml = table(["이름", "부서"], ["김철수", "총무과"]).replace("<w:tr>", f"<w:tr>{mark}", 1)

        assert lines(word(xml)) == ["이름 | 부서", "이름: 김철수 | 부서: 총무과"]

    @pytest.mark.parametrize(
        "mark",
        [
            ("<w:p><w:pPr></w:pPr><w:r>", "<w:p><w:pPr></w:pPr><w:r><w:rPr><w:b/></w:rPr>"),
            ("<w:tc>", "<w:tc><w:tcPr><w:shd w:fill='D9D9D9'/></w:tcPr>"),
        ],
        ids=["bold", "coloured"],
    )
    def test_a_first_row_that_stands_out_names_the_columns(self, mark: tuple[str, str]) -> None:
        rows = [["이름", "부서"], ["김철수", "총무과"], ["이영희", "회계과"]]
        xml = table(*rows)

        assert lines(word(xml.replace(*mark, 2)))[1:] == ["이름: 김철수 | 부서: 총무과", "이름: 이영희 | 부서: 회계과"]
        assert lines(word(xml.replace(*mark)))[1:] == lines(word(xml))[1:] == ["김철수 | 총무과", "이영희 | 회계과"]

    def test_cells_that_span_keep_their_columns_and_rows(self) -> None:
        wide = "<w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>" + p("금액") + "</w:tc>"
        first = "<w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr>" + p("서울") + "</w:tc>"
        below = "<w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc>"

        def row(*cells: str, mark: str = "") -> str:
            return (
                f"<w:tr>{mark}{''.join(c if c.startswith('<w:tc>') else f'<w:tc>{p(c)}</w:tc>' for c in cells)}</w:tr>"
            )

        head = "<w:trPr><w:tblHeader/></w:trPr>"
        body = row("지역", wide, mark=head) + row("", "상반기", "하반기", mark=head)
        body += row(first, "1", "2") + row(below, "3", "4")

        assert lines(word(f"<w:tbl>{body}</w:tbl>"))[-1] == "지역: 서울 | 금액 상반기: 3 | 금액 하반기: 4"

        body = row("지역", "금액", mark=head) + row(first, "1") + row(below, "3") + row("", "5")

        assert lines(word(f"<w:tbl>{body}</w:tbl>"))[-2:] == ["지역: 서울 | 금액: 3", "금액: 5"]

    def test_a_note_of_a_cell_follows_its_row_and_a_box_is_read_once(self) -> None:
        note = (
            "endnotes",
            "endnotes.xml",
            f"<w:endnotes><w:endnote w:id='2'>{p('배송비 별도')}</w:endnote></w:endnotes>",
        )
        box = (
            "<w:r><mc:AlternateContent><mc:Choice><w:txbxContent>{0}</w:txbxContent></mc:Choice>"
            "<mc:Fallback><w:txbxContent>{0}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>"
        ).format(p("번호 8841"))
        price = p("120", "<w:r><w:endnoteReference w:id='2'/></w:r>")

        assert lines(word(table(["펌프", price], ["밸브", p("품절", box)]), note)) == [
            "펌프 | 120",
            "배송비 별도",
            "밸브 | 품절 / 번호 8841",
        ]

    def test_a_table_that_is_only_a_frame_keeps_its_lines_and_headings(self) -> None:
        inside = p("제1장", properties='<w:outlineLvl w:val="0"/>') + p("첫째.") + p("둘째.")

        segments = [*read_docx(RawFile(word(table([inside]))))]

        assert [(s.section, s.text) for s in segments if s.text] == [("제1장", "제1장\n첫째.\n둘째.\n\n")]


class TestOtherParts:
    def test_a_comment_follows_its_paragraph_and_names_its_author(self) -> None:
        comment = f'<w:comments><w:comment w:id="0" w:author="검토자">{p("55로 고칠 것")}</w:comment></w:comments>'
        body = p("요금은 40이다.", "<w:r><w:commentReference w:id='0'/></w:r>") + p("끝")

        assert lines(word(body, ("comments", "comments.xml", comment))) == [
            "요금은 40이다.",
            "검토자: 55로 고칠 것",
            "끝",
        ]

    def test_a_chart_and_a_diagram_are_read_where_they_stand(self) -> None:
        def points(name: str, *values: str) -> str:
            written = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(values))
            return f"<c:{name}><c:strRef><c:strCache>{written}</c:strCache></c:strRef></c:{name}>"

        chart = (
            "<c:chartSpace><c:chart><c:title><a:p><a:r><a:t>분기별 매출</a:t></a:r></a:p></c:title><c:ser>"
            f"{points('tx', '펌프')}{points('cat', '1분기', '2분기')}{points('val', '10', '20')}"
            "</c:ser></c:chart></c:chartSpace>"
        )
        diagram = "<dgm:dataModel><dgm:pt><a:p><a:r><a:t>1단계</a:t></a:r></a:p></dgm:pt></dgm:dataModel>"
        body = p("<w:drawing><c:chart r:id='r1'/></w:drawing>") + p("<w:drawing><dgm:relIds r:dm='r2'/></w:drawing>")
        found = [("chart", "c.xml", chart), ("diagramData", "d.xml", diagram), ("diagramData", "e.xml", diagram)]

        assert lines(word(body + p("뒤"), *found)) == [
            "분기별 매출",
            "1분기 | 펌프: 10",
            "2분기 | 펌프: 20",
            "1단계",
            "뒤",
            "1단계",
        ]

    @pytest.mark.parametrize(
        ("name", "chunk"),
        [
            ("c.html", "<html><h1>요금</h1><p>40이다.</p></html>".encode()),
            ("c.txt", "요금\n40이다.".encode()),
            ("c.docx", word(p("요금") + p("40이다."))),
        ],
    )
    def test_a_file_within_the_text_is_read_there(self, name: str, chunk: bytes) -> None:
        content = word(p("앞") + "<w:altChunk r:id='r1'/>" + p("뒤"), ("aFChunk", name, chunk))

        assert lines(content) == ["앞", "요금", "40이다.", "뒤"]

    def test_files_within_each_other_end_somewhere(self) -> None:
        content = b"deep"
        for name in ("c.txt", *["c.docx"] * 4):
            content = word("<w:altChunk r:id='r1'/>" + p("글"), ("aFChunk", name, content))

        assert lines(content) == ["글"] * 4

    def test_of_a_file_within_the_text_that_is_broken_the_rest_is_read_all_the_same(self) -> None:
        reading = read_docx(RawFile(word("<w:altChunk r:id='r1'/>" + p("뒤"), ("aFChunk", "c.docx", b"PK\3\4word/"))))

        assert next(reading).text == "뒤\n\n"
        with pytest.raises(Unreadable, match="damaged"):
            list(reading)


class TestLooks:
    STYLES = (
        "<w:styles><w:style w:styleId='Up'><w:rPr><w:vertAlign w:val='superscript'/></w:rPr></w:style>"
        "<w:style w:styleId='Child'><w:basedOn w:val='Up'/></w:style>"
        "<w:style w:styleId='No'><w:rPr><w:vanish/></w:rPr></w:style></w:styles>"
    )

    def read(self, body: str) -> list[str]:
        return lines(word(body, ("styles", "styles.xml", self.STYLES)))

    def run(self, text: str, style: str, more: str = "") -> str:
        return f"<w:r><w:rPr><w:rStyle w:val='{style}'/>{more}</w:rPr><w:t>{text}</w:t></w:r>"

    def test_what_the_style_of_a_run_raises_or_hides_is_raised_or_hidden(self) -> None:
        base = "<w:vertAlign w:val='baseline'/>"
        runs = (self.run("6", "Up"), self.run("7", "Child"), self.run("8", "Up", base), self.run("no", "No"))

        assert self.read(p("10", *runs)) == ["10⁶⁷8"]

    def test_a_paragraph_whose_style_hides_it_is_left_out_but_for_what_it_shows(self) -> None:
        shown = "<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>b</w:t></w:r>"
        hidden = p("no", shown, properties="<w:pStyle w:val='No'/>")

        assert self.read(p("a") + hidden + p("no", properties="<w:pStyle w:val='No'/>")) == ["a", "b"]


def test_a_row_that_begins_further_right_keeps_its_columns() -> None:
    head = "<w:trPr><w:tblHeader/></w:trPr>"
    shorter = table(["120", "3"]).replace("<w:tr>", "<w:tr><w:trPr><w:gridBefore w:val='1'/></w:trPr>")
    rows = table(["품목", "값", "수"]).replace("<w:tr>", f"<w:tr>{head}") + shorter

    assert lines(word(rows.replace("</w:tbl><w:tbl>", "")))[-1] == "값: 120 | 수: 3"
