"""This module reads a PPTX. Each slide is a page: its title, its texts, tables and charts from top to bottom, its notes
and its comments.

python-pptx and office-oxide were compared. python-pptx opens no strict or macro-enabled file and none with a relation
to a missing part, and both give the shapes in the order in which they were drawn.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TypeAlias

from qa_service.errors import Unreadable
from qa_service.files.charts import read_chart, read_drawn_text, write_drawn_paragraph
from qa_service.files.ordinals import write_ordinal
from qa_service.files.package import Element, Package, Relation, expand_name
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import SPANNED, Row, accept_columns, flatten_cell, resemble_names, write_table
from qa_service.model import Place

_PRESENTATION, _TREE = expand_name("p:presentation"), expand_name("p:spTree")
_SHAPE, _GROUP, _FRAME = expand_name("p:sp"), expand_name("p:grpSp"), expand_name("p:graphicFrame")
_CHOICE, _ALTERNATE, _CONNECTOR = (expand_name(n) for n in ("mc:Choice", "mc:AlternateContent", "p:cxnSp"))
_PARAGRAPH, _PROPERTIES, _TABLE = expand_name("a:p"), expand_name("a:pPr"), expand_name("a:tbl")
_CHART, _DIAGRAM, _ID = expand_name("c:chart"), expand_name("dgm:relIds"), expand_name("r:id")
_TITLES = frozenset({"title", "ctrTitle"})
_MARGINS = frozenset({"sldNum", "dt", "hdr", "ftr", "sldImg"})
"""The numbers, dates, headers and footers of slides are left out. They are the same on each slide."""
_FORMS = {"arabic": "decimal", "romanLc": "lowerRoman", "romanUc": "upperRoman", "circleNum": "decimalEnclosedCircle"}
_LETTER_FORMS = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "hangul": "ganada"}
_ROUGHLY = 200_000
"""Shapes whose tops differ by less than this stand beside each other. It is a fifth of an inch."""

_Position: TypeAlias = tuple[int, int]


def read_pptx(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each slide, also for an empty one. Its section is the slide's title."""
    package = Package(raw.content)
    presentation = package.read_part(package.main)
    if presentation.tag != _PRESENTATION:
        raise Unreadable("unsupported")
    relations = {relation.id: relation for relation in package.find_related(package.main, "slide")}
    ids = (slide.get(_ID) or "" for slide in presentation.iter(expand_name("p:sldId")))
    slides = [relations[name] for name in ids if name in relations]
    layouts = _Layouts(package)
    for number, relation in enumerate(slides, 1):
        title, lines = _read_slide(package, relation.target, layouts)
        text = "".join(f"{line}\n" for line in lines)
        yield Segment(
            f"{text}\n" if text else "",
            page=number,
            pages=len(slides),
            section=title,
            paged=True,
            place=Place(slide=number),
        )


def _read_slide(package: Package, part: str, layouts: "_Layouts") -> tuple[str, list[str]]:
    """Return the title of a slide, and its lines with the title as the first."""
    shapes = _Shapes(package, part, layouts)
    titles, lines = shapes.read_tree()
    for notes in package.find_related(part, "notesSlide"):
        lines += chain.from_iterable(_Shapes(package, notes.target, layouts).read_tree())
    for comments in package.find_related(part, "comments"):
        root = package.read_part(comments.target)
        lines += [text for node in root.iter(expand_name("p:text")) if (text := (node.text or "").strip())]
        lines += read_drawn_text(root)
    return " ".join(" ".join(titles).split()), [*titles, *lines]


class _Layouts:
    """A `_Layouts` knows where the placeholders of slides stand that don't say it themselves."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, dict[tuple[str, str], _Position]] = {}

    def find_positions(self, part: str) -> Mapping[tuple[str, str], _Position]:
        """Return the positions of the placeholders, by their types and numbers. The layout of a slide has the positions
        of its master, where it has none of its own."""
        positions: dict[tuple[str, str], _Position] = {}
        for layout in self._package.find_related(part, "slideLayout"):
            for master in self._package.find_related(layout.target, "slideMaster"):
                positions |= self._read_positions(master.target)
            positions |= self._read_positions(layout.target)
        return positions

    def _read_positions(self, part: str) -> Mapping[tuple[str, str], _Position]:
        if part not in self._known:
            shapes = self._package.read_part(part).iter(_SHAPE)
            placed = ((_placeholder(shape), _own_position(shape)) for shape in shapes)
            self._known[part] = {key: position for key, position in placed if position}
        return self._known[part]


class _Shapes:
    """A `_Shapes` reads the shapes of one slide in the order in which people read them."""

    def __init__(self, package: Package, part: str, layouts: "_Layouts") -> None:
        self._package = package
        self._root = package.read_part(part)
        self._relations = {relation.id: relation for relation in package.find_related(part)}
        self._inherited = layouts.find_positions(part)

    def read_tree(self) -> tuple[list[str], list[str]]:
        """Return the lines of the titles, and those of all other shapes."""
        titles, others = list[str](), list[str]()
        for tree in self._root.iter(_TREE):
            for shape in self._sorted(tree):
                (titles if _placeholder(shape)[0] in _TITLES else others).extend(self._read_shape(shape))
        return titles, others

    def _sorted(self, tree: Element) -> list[Element]:
        found = list(_list_shapes(tree))
        places = [self._position(shape) for shape in found]
        if None in places:
            return found
        order = sorted(zip(places, range(len(found)), strict=True), key=lambda one: (one[0] or (0, 0), one[1]))
        return [found[number] for _, number in order]

    def _position(self, shape: Element) -> _Position | None:
        """Return how far a shape is from the top and from the left, or None where nobody knows."""
        return _own_position(shape) or self._inherited.get(_placeholder(shape))

    def _read_shape(self, shape: Element) -> Iterator[str]:
        if shape.tag == _GROUP:
            for inner in self._sorted(shape):
                yield from self._read_shape(inner)
        elif shape.tag == _FRAME:
            yield from self._read_frame(shape)
        elif _placeholder(shape)[0] not in _MARGINS:
            yield from _read_paragraphs(shape)

    def _read_frame(self, frame: Element) -> Iterator[str]:
        for table in frame.iter(_TABLE):
            yield from _read_table(table)
        for element in frame.iter(_CHART, _DIAGRAM):
            name = _ID if element.tag == _CHART else expand_name("r:dm")
            relation: Relation | None = self._relations.get(element.get(name) or "")
            if relation:
                root = self._package.read_part(relation.target)
                yield from read_chart(root) if element.tag == _CHART else read_drawn_text(root)


def _list_shapes(tree: Element) -> Iterator[Element]:
    for child in tree:
        if child.tag == _ALTERNATE:
            yield from (shape for choice in child.iterfind(_CHOICE) for shape in _list_shapes(choice))
        elif child.tag in (_SHAPE, _GROUP, _FRAME, _CONNECTOR):
            yield child


def _placeholder(shape: Element) -> tuple[str, str]:
    """Return the type and the number of a placeholder, or two empty texts for any other shape."""
    found = next(shape.iter(expand_name("p:ph")), None) if shape.tag == _SHAPE else None
    return ("", "") if found is None else (found.get("type") or "body", found.get("idx") or "")


def _own_position(shape: Element) -> _Position | None:
    paths = ("p:spPr/a:xfrm/a:off", "p:grpSpPr/a:xfrm/a:off", "p:xfrm/a:off")
    found = (shape.find("/".join(map(expand_name, path.split("/")))) for path in paths)
    offset = next((one for one in found if one is not None), None)
    try:
        return None if offset is None else (int(offset.get("y")) // _ROUGHLY, int(offset.get("x")))
    except (TypeError, ValueError):
        return None


def _read_paragraphs(shape: Element) -> Iterator[str]:
    """Give the paragraphs of a shape, with the numbers that PowerPoint makes for them."""
    counts: dict[str, int] = {}
    for paragraph in shape.iter(_PARAGRAPH):
        properties = paragraph.find(_PROPERTIES)
        text = write_drawn_paragraph(paragraph)
        if text:
            sign = "" if properties is None else _number_item(properties, counts)
            yield f"{sign} {text}".lstrip()


def _number_item(properties: Element, counts: dict[str, int]) -> str:
    """Return the number or the bullet of a paragraph. `counts` has the last number of each level."""
    level = properties.get("lvl") or "0"
    for deeper in [other for other in counts if other > level]:
        del counts[deeper]
    number = properties.find(expand_name("a:buAutoNum"))
    if number is None:
        counts.pop(level, None)
        return "" if properties.find(expand_name("a:buChar")) is None else "•"
    start = number.get("startAt") or "1"
    counts[level] = counts[level] + 1 if level in counts else int(start) if start.isdecimal() else 1
    return _write_item(counts[level], number.get("type") or "")


def _write_item(number: int, kind: str) -> str:
    forms: Mapping[str, str] = {**_FORMS, **_LETTER_FORMS}
    form = next((form for name, form in forms.items() if kind.startswith(name)), "decimal")
    written = write_ordinal(number, form)
    if kind.endswith("ParenBoth"):
        return f"({written})"
    return written + (")" if kind.endswith("ParenR") else "." if kind.endswith("Period") else "")


def _read_table(table: Element) -> Iterator[str]:
    rows = [_read_row(row) for row in table.iterfind(expand_name("a:tr"))]
    _fill_merged(rows, [list(row.iterfind(expand_name("a:tc"))) for row in table.iterfind(expand_name("a:tr"))])
    properties = table.find(expand_name("a:tblPr"))
    is_named = properties is not None and properties.get("firstRow") in ("1", "true")
    yield from (line for _, line in write_table(rows, accept_columns if is_named else resemble_names))


def _read_row(row: Element) -> list[str]:
    cells = row.iterfind(expand_name("a:tc"))
    return [
        SPANNED if cell.get("hMerge") in ("1", "true") else flatten_cell("\n".join(_read_paragraphs(cell)))
        for cell in cells
    ]


def _fill_merged(rows: list[list[str]], cells: list[list[Element]]) -> None:
    """Repeat the text of a cell in the rows into which it reaches."""
    for number in range(1, len(rows)):
        above: Row = rows[number - 1]
        for column, cell in enumerate(cells[number]):
            if cell.get("vMerge") in ("1", "true") and column < len(above):
                rows[number][column] = above[column]
