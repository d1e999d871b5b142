"""This module has packages of Office Open XML written by hand, smaller than any office program writes them."""

from collections.abc import Mapping, Sequence

from qa_service.files.package import NAMESPACES
from tests.documents import zipped

TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/"
DECLARED = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())

Relation = tuple[str, str]
"""A `Relation` is the last word of a relationship's type, and its target. Its id is `r1`, `r2`, … in the order of a
list."""


def relations(found: Sequence[Relation], types: str = TYPES) -> str:
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{types}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(found, 1)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    )


def package(
    main: str, parts: Mapping[str, str | bytes], related: Mapping[str, Sequence[Relation]], *, strict: bool = False
) -> bytes:
    """Return a package. `parts` are XML whose roots declare no namespaces, and `related` has the relations of parts."""
    members: dict[str, str | bytes] = {"_rels/.rels": relations([("officeDocument", main)])}
    for name, found in related.items():
        folder, _, last = name.rpartition("/")
        members[f"{folder}/_rels/{last}.rels"] = relations(found)
    for name, part in parts.items():
        members[name] = part.replace(">", f" {DECLARED}>", 1) if isinstance(part, str) else part
    if strict:
        members = {name: _restrict(part) for name, part in members.items()}
    return zipped(members)


def _restrict(part: str | bytes) -> str | bytes:
    if isinstance(part, bytes):
        return part
    for kind in ("wordprocessingml", "spreadsheetml", "presentationml", "drawingml", "officeDocument"):
        part = part.replace(f"http://schemas.openxmlformats.org/{kind}/2006/", f"{STRICT}{kind}/")
    return part


def word(body: str, *found: tuple[str, str, str | bytes], root: str = "w:document", strict: bool = False) -> bytes:
    """Return a DOCX. Each further part is the kind of its relation, its name and its content; a part without content is
    missing."""
    parts = {f"word/{name}": content for _, name, content in found if content}
    return package(
        "word/document.xml",
        {"word/document.xml": f"<{root}><w:body>{body}</w:body></{root}>", **parts},
        {"word/document.xml": [(kind, name) for kind, name, _ in found]},
        strict=strict,
    )


def p(*runs: str, properties: str = "") -> str:
    """Return a paragraph of Word. What isn't XML is a text."""
    written = "".join(
        run if run.startswith("<") else f"<w:r><w:t xml:space='preserve'>{run}</w:t></w:r>" for run in runs
    )
    return f"<w:p><w:pPr>{properties}</w:pPr>{written}</w:p>"


def table(*rows: Sequence[str]) -> str:
    """Return a table of Word. A cell that isn't XML is a text."""

    def cell(content: str) -> str:
        return f"<w:tc>{content if content.startswith('<') else p(content)}</w:tc>"

    return "<w:tbl>" + "".join(f"<w:tr>{''.join(map(cell, row))}</w:tr>" for row in rows) + "</w:tbl>"


def xlsx(
    sheets: Mapping[str, str],
    *,
    texts: str = "",
    styles: str = "",
    hidden: str = "",
    strict: bool = False,
    sheet_parts: Mapping[str, tuple[str, str]] | None = None,
) -> bytes:
    """Return an XLSX. `sheets` has the content of each by its name, `hidden` names one, `sheet_parts` has the kind
    and the content of parts that the first sheet is related to."""
    states = {name: 'state="hidden"' if name == hidden else "" for name in sheets}
    listed = "".join(
        f'<s:sheet name="{name}" sheetId="{n}" r:id="r{n}" {states[name]}/>' for n, name in enumerate(sheets, 1)
    )
    book = "xl/workbook.xml"
    parts: dict[str, str | bytes] = {book: f"<s:workbook><s:sheets>{listed}</s:sheets></s:workbook>"}
    related: dict[str, Sequence[Relation]] = {
        book: [
            *(("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)),
            ("sharedStrings", "sharedStrings.xml"),
            ("styles", "styles.xml"),
        ]
    }
    for n, content in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<s:worksheet>{content}</s:worksheet>"
    parts["xl/sharedStrings.xml"] = f"<s:sst>{texts}</s:sst>"
    parts["xl/styles.xml"] = f"<s:styleSheet>{styles}</s:styleSheet>"
    for name, (_, content) in (sheet_parts or {}).items():
        parts[f"xl/{name}"] = content
    related["xl/worksheets/sheet1.xml"] = [(kind, f"../{name}") for name, (kind, _) in (sheet_parts or {}).items()]
    return package(book, parts, related, strict=strict)


def sheet(*rows: Sequence[str | float | tuple[float, int]], merged: str = "", first: int = 1) -> str:
    """Return the content of a sheet. A tuple is a number with the number of its style."""
    written = "".join(
        f'<s:row r="{n}">{"".join(_cell(n, column, value) for column, value in enumerate(row))}</s:row>'
        for n, row in enumerate(rows, first)
        if row
    )
    merges = f'<s:mergeCells><s:mergeCell ref="{merged}"/></s:mergeCells>' if merged else ""
    return f"<s:sheetData>{written}</s:sheetData>{merges}"


def _cell(row: int, column: int, value: str | float | tuple[float, int]) -> str:
    place = f"{chr(65 + column)}{row}"
    if isinstance(value, str):
        return f'<s:c r="{place}" t="inlineStr"><s:is><s:t>{value}</s:t></s:is></s:c>' if value else ""
    number, style = value if isinstance(value, tuple) else (value, 0)
    return f'<s:c r="{place}" s="{style}"><s:v>{number}</s:v></s:c>'


def pptx(
    *slides: tuple[str, Mapping[str, tuple[str, str]]], layout: str = "", layout_of: str = "", strict: bool = False
) -> bytes:
    """Return a PPTX. Each slide has its shapes, and by their names the kinds and contents of the parts it is
    related to. The part `layout_of` has itself for a layout."""
    main = "ppt/presentation.xml"
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in range(1, len(slides) + 1))
    parts: dict[str, str | bytes] = {main: f"<p:presentation><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"}
    related: dict[str, Sequence[Relation]] = {main: [("slide", f"slides/s{n}.xml") for n in range(1, len(slides) + 1)]}
    for n, (shapes, others) in enumerate(slides, 1):
        parts[f"ppt/slides/s{n}.xml"] = _tree("p:sld", shapes)
        related[f"ppt/slides/s{n}.xml"] = [
            *((kind, f"../{name}") for name, (kind, _) in others.items()),
            ("slideLayout", "../layout.xml"),
        ]
        for name, (_, content) in others.items():
            parts[f"ppt/{name}"] = content
    if layout_of:
        related[f"ppt/{layout_of}"] = [("slideLayout", layout_of), ("slideMaster", layout_of)]
    parts["ppt/layout.xml"] = _tree("p:sldLayout", layout)
    return package(main, parts, related, strict=strict)


def _tree(root: str, shapes: str) -> str:
    return f"<{root}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></{root}>"


def shape(*paragraphs: str, kind: str = "", at: tuple[int, int] | None = None) -> str:
    """Return a shape with text, at this many inches from the top and from the left. `kind` makes it a placeholder."""
    placed = f"<a:xfrm><a:off y='{at[0] * 914400}' x='{at[1] * 914400}'/></a:xfrm>" if at else ""
    mark = f"<p:nvPr><p:ph type='{kind}' idx='1'/></p:nvPr>" if kind else ""
    text = "".join(one if one.startswith("<") else f"<a:p><a:r><a:t>{one}</a:t></a:r></a:p>" for one in paragraphs)
    return f"<p:sp>{mark}<p:spPr>{placed}</p:spPr><p:txBody>{text}</p:txBody></p:sp>"


def hwpx(body: str, header: str = "", **more: str) -> bytes:
    """Return an HWPX of one section. `more` has other members by their names without `.xml`."""
    space = "http://www.hancom.co.kr/hwpml/2011"
    declared = " ".join(f'xmlns:{short}="{space}/{name}"' for short, name in (("hp", "paragraph"), ("hh", "head")))
    members = {
        "mimetype": "application/hwp+zip",
        "Contents/header.xml": f"<hh:head {declared}>{header}</hh:head>",
        "Contents/section0.xml": f"<hp:sec {declared}>{body}</hp:sec>",
        **{f"{name}.xml": content for name, content in more.items()},
    }
    return zipped(members)


def hp(text: str, *, properties: int = 0, style: int = 0, more: str = "") -> str:
    """Return a paragraph of an HWPX."""
    run = f"<hp:run><hp:t>{text}</hp:t>{more}</hp:run>"
    return f'<hp:p paraPrIDRef="{properties}" styleIDRef="{style}">{run}</hp:p>'


def opendocument(kind: str, body: str, *, styles: str = "", lists: str = "", **more: str) -> bytes:
    """Return an OpenDocument: `kind` is `text`, `spreadsheet` or `presentation`."""
    names = ("office", "text", "table", "style", "presentation", "draw")
    declared = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    declared += ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    declared += (
        ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0"'
    )
    root = "<office:content {0}>{1}<office:body><office:{2}>{3}</office:{2}></office:body></office:content>"
    members = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": root.format(declared, lists, kind, body),
        "styles.xml": f"<office:document-styles {declared}>{styles}</office:document-styles>",
        **{f"{name}/content.xml": root.format(declared, "", "chart", content) for name, content in more.items()},
    }
    return zipped(members)
