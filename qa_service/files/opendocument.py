"""This module reads OpenDocument: texts (ODT), sheets (ODS) and presentations (ODP).

The text that is shown stands in one part of the archive. odfpy, whose last release is of 2020, and odfdo were compared:
both give paragraphs or cells without numbers, notes and spans, for which the XML must be read anyway.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO
from zipfile import ZipFile

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.archive import check_archive
from qa_service.files.ordinals import write_ordinal
from qa_service.files.outline import DocumentLine, split_at_headings, write_section
from qa_service.files.package import Element, local_name, parse_xml
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import SPANNED, Row, flatten_cell, resemble_names, write_table
from qa_service.files.worksheets import Worksheet, read_sheet
from qa_service.model import Place

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)")
_UNSEEN = frozenset(
    {"page-number", "tracked-changes", "sequence-decls", "forms", "settings", "event-listeners", "bookmark"}
)
_BLOCKS = frozenset({"p", "h"})
_MOST_SPACES = 100
_LONGEST_COUNT, _LONGEST_SPACES = 7, 3
"""A sheet has a number of rows with at most so many digits, and a line a number of spaces. Longer ones count as one."""
_MOST_REPEATED = 100
"""A cell or a row with text is repeated at most so often. Empty ones, which office programs repeat by thousands, only
count."""
_MOST_LEVELS = 10
_MOST_OBJECTS = 200
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "": "none", "1": "decimal"}
_KOREAN_FORMS = {"가": "ganada", "ㄱ": "chosung", "①": "decimalEnclosedCircle", "일": "koreanCounting"}


def read_odt(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading, as for a DOCX. The headers and footers of the pages are the last one."""
    document = _Document(raw.content)
    yield from split_at_headings(document.read_lines(document.body))
    yield write_section("", list(dict.fromkeys(line.text for line in document.read_margins())))


def read_odp(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each slide, with its notes."""
    document = _Document(raw.content)
    slides = [child for child in document.body if local_name(child) == "page"]
    for number, slide in enumerate(slides, 1):
        shapes = sorted(slide, key=_rank_shape)
        titles = [frame for frame in shapes if _read(frame, "class", "presentation") == "title"]
        section = " ".join(line.text for line in document.read_lines(titles))
        shown = write_section(section, [line.text for line in document.read_lines(shapes)])
        place = Place(slide=number)
        yield Segment(shown.text, page=number, pages=len(slides), section=shown.section, paged=True, place=place)


def read_ods(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of the rows of each sheet. Hidden sheets are left out."""
    document = _Document(raw.content)
    for table in document.body:
        if local_name(table) == "table" and not document.is_hidden(table):
            name = _read(table, "name")
            yield from read_sheet(name, partial(_fill, document, table))
            yield replace(
                write_section(name, [line.text for line in _read_frames(document, table)]), place=Place(sheet=name)
            )


def _rank_shape(shape: Element) -> tuple[int, float, float]:
    """Return what sorts the shapes of a slide: its title, the others from top to bottom and from left to right, and its
    notes."""
    if local_name(shape) == "notes":
        return 2, 0, 0
    placed = next((part for part in shape.iter() if _read(part, "y", "svg-compatible")), shape)
    top, left = (_LENGTH.match(_read(placed, axis, "svg-compatible")) for axis in "yx")
    is_title = _read(shape, "class", "presentation") == "title"
    return 0 if is_title else 1, round(float(top[1]) * 2) if top else 0, float(left[1]) if left else 0


def _read(element: Element, name: str, namespace: str = "table") -> str:
    return element.get(f"{{{_NAMESPACE.format(namespace)}}}{name}") or ""


def _read_count(element: Element, name: str) -> int:
    return _parse_count(_read(element, name), _LONGEST_COUNT)


def _parse_count(written: str, longest: int) -> int:
    """Return the number that this text has, or 1 where it is none or has more digits than `longest`."""
    return int(written) if written.isdecimal() and len(written) <= longest else 1


class _Document:
    """A `_Document` gives the lines of one document, with the numbers of its lists."""

    def __init__(self, content: bytes) -> None:
        check_archive(content)
        with ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
            manifest = archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
            if b"encryption-data" in manifest:
                raise Unreadable("encrypted")
            if "content.xml" not in names:
                raise Unreadable("damaged")
            self._root = parse_xml(archive.read("content.xml"))
            objects = [name for name in names if name.endswith("/content.xml")][:_MOST_OBJECTS]
            self._objects = {name: archive.read(name) for name in objects}
            self._styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in names else None
        self._lists = {
            _read(style, "name", "style"): style
            for root in (self._styles, self._root)
            for style in (() if root is None else root.iter(f"{{{_NAMESPACE.format('text')}}}list-style"))
        }
        self._counts: dict[str, list[int]] = {}

    @property
    def body(self) -> Element:
        """Return the element that has the paragraphs, sheets or slides. Raises `Unreadable` where there is none."""
        body = next((child for child in self._root if local_name(child) == "body"), None)
        if body is None or not len(body):
            raise Unreadable("damaged")
        return body[0]

    def is_hidden(self, table: Element) -> bool:
        """Tell whether the style of a sheet hides it."""
        name = _read(table, "style-name")
        styles = (style for style in self._root.iter(f"{{{_NAMESPACE.format('style')}}}style"))
        own = (style for style in styles if name and _read(style, "name", "style") == name)
        return any(_read(properties, "display") == "false" for style in own for properties in style)

    def read_margins(self) -> Iterator[DocumentLine]:
        """Give the lines of the headers and footers."""
        for element in () if self._styles is None else self._styles.iter():
            if local_name(element) in ("header", "footer") and _NAMESPACE.format("style") in element.tag:
                yield from self.read_lines(element)

    def read_lines(self, elements: Element | list[Element]) -> Iterator[DocumentLine]:
        """Give the lines of the paragraphs and tables in these elements."""
        for element in elements:
            name = local_name(element)
            if name in _BLOCKS:
                yield from self._read_paragraph(element)
            elif name == "table":
                yield from self._read_table(element)
            elif name == "list":
                yield from self._read_list(element, "", [])
            elif name == "object":
                yield from self._read_object(element)
            elif name not in _UNSEEN:
                yield from self.read_lines(element)

    def _read_object(self, element: Element) -> Iterator[DocumentLine]:
        """Give the lines of a chart, which is a document of its own in the archive."""
        folder = element.get("{http://www.w3.org/1999/xlink}href") or ""
        content = self._objects.get(f"{folder.removeprefix('./')}/content.xml")
        root = parse_xml(content) if content else None
        if root is not None and local_name(root) != "math":
            yield from self.read_lines([child for child in root if local_name(child) == "body"])

    def _read_paragraph(self, paragraph: Element) -> Iterator[DocumentLine]:
        text = _read_text(paragraph).strip()
        if text:
            yield DocumentLine(text, is_heading=local_name(paragraph) == "h")
        for attached in _list_attached(paragraph):
            yield from self.read_lines(attached)

    def _read_list(self, items: Element, style: str, counts: list[int]) -> Iterator[DocumentLine]:
        """Give the lines of a list. `counts` has the last number of each level above this one."""
        style = _read(items, "style-name", "text") or style
        goes_on = _read(items, "continue-numbering", "text") == "true" or bool(_read(items, "continue-list", "text"))
        start = self._counts.get(style, [0])[-1] if goes_on and not counts else self._start(style, len(counts)) - 1
        counts = [*counts, start]
        for item in items:
            if local_name(item) not in ("list-item", "list-header"):
                continue
            own = _read(item, "start-value", "text")
            is_numbered = local_name(item) == "list-item" and any(local_name(child) in _BLOCKS for child in item)
            counts[-1] = int(own) if own.isdecimal() else counts[-1] + is_numbered
            yield from self._read_item(item, style, counts, self._write_number(style, counts) if is_numbered else "")
        if len(counts) == 1:
            self._counts[style] = counts

    def _read_item(self, item: Element, style: str, counts: list[int], number: str) -> Iterator[DocumentLine]:
        for child in item:
            if local_name(child) == "list":
                yield from self._read_list(child, style, counts) if len(counts) < _MOST_LEVELS else ()
                continue
            for line in self.read_lines([child]):
                yield DocumentLine(f"{number} {line.text}".lstrip(), line.is_heading)
                number = ""

    def _level(self, style: str, depth: int) -> Element | None:
        levels = self._lists.get(style)
        found = (
            level for level in (() if levels is None else levels) if _read(level, "level", "text") == str(depth + 1)
        )
        return next(found, None)

    def _start(self, style: str, depth: int) -> int:
        level = self._level(style, depth)
        start = "" if level is None else _read(level, "start-value", "text")
        return int(start) if start.isdecimal() else 1

    def _write_number(self, style: str, counts: list[int]) -> str:
        depth = len(counts) - 1
        level = self._level(style, depth)
        if level is None or local_name(level) != "list-level-style-number":
            return "•"
        shown = _read(level, "display-levels", "text")
        first = max(0, depth + 1 - (int(shown) if shown.isdecimal() else 1))
        parts = [write_ordinal(counts[n], self._form(style, n)) for n in range(first, depth + 1)]
        number = ".".join(filter(None, parts))
        return f"{_read(level, 'num-prefix', 'style')}{number}{_read(level, 'num-suffix', 'style')}" if number else ""

    def _form(self, style: str, depth: int) -> str:
        level = self._level(style, depth)
        written = "1" if level is None else _read(level, "num-format", "style")
        return _FORMS.get(written) or _KOREAN_FORMS.get(written[:1], "decimal")

    def _read_table(self, table: Element) -> Iterator[DocumentLine]:
        rows = list(_list_rows(table))
        headers = sum(local_name(row.getparent()) == "table-header-rows" for row in rows)
        grid = [self._read_row(row) for row in rows]
        for number, line in write_table(grid, resemble_names, headers):
            cells = [cell for cell in rows[number] if local_name(cell) == "table-cell" and len(cell)]
            yield from self.read_lines(cells[0]) if len(cells) == 1 else [DocumentLine(line)]

    def _read_row(self, row: Element) -> Row:
        texts = list[str]()
        for cell in row:
            if local_name(cell) == "table-cell":
                texts.append(flatten_cell("\n".join(line.text for line in self.read_lines(cell))))
            elif local_name(cell) == "covered-table-cell":
                texts += [SPANNED] * min(_read_count(cell, "number-columns-repeated"), _MOST_REPEATED)
        return texts


def _list_attached(paragraph: Element) -> Iterator[Element]:
    """Give what hangs on a paragraph: notes, comments and frames."""
    for child in paragraph:
        name = local_name(child)
        if name in ("note", "annotation", "frame", "custom-shape", "text-box", "g"):
            yield [part for part in child if local_name(part) not in ("note-citation", "creator", "date")]
        elif name not in _UNSEEN:
            yield from _list_attached(child)


def _list_rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local_name(child) == "table-row":
            yield child
        elif local_name(child) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _list_rows(child)


def _read_text(element: Element) -> str:
    """Return the text of a paragraph without what hangs on it."""
    return (element.text or "") + "".join(_read_inline(child) + (child.tail or "") for child in element)


def _read_inline(element: Element) -> str:
    name = local_name(element)
    if name in _INLINE:
        return _INLINE[name](element)
    return _read_text(element)


def _leave_out(_: Element) -> str:
    return ""


_INLINE: Mapping[str, Callable[[Element], str]] = {
    "s": lambda element: " " * min(_parse_count(_read(element, "c", "text"), _LONGEST_SPACES), _MOST_SPACES),
    "tab": lambda _: "\t",
    "line-break": lambda _: "\n",
    "ruby-text": lambda element: f"({_read_text(element)})",
    **dict.fromkeys(("note", "annotation", "frame", "custom-shape", "text-box", "g"), _leave_out),
    **dict.fromkeys(_UNSEEN, _leave_out),
}
"""These elements within a paragraph are no plain text."""


def _fill(document: _Document, table: Element, sheet: Worksheet) -> None:
    number = 1
    merges = list[tuple[tuple[int, int], tuple[int, int]]]()
    for row in _list_rows(table):
        repeated = _read_count(row, "number-rows-repeated")
        column = 1
        for cell in row:
            width = _read_count(cell, "number-columns-repeated")
            # The note of a cell stands before its text there. Charts and pictures only hang on a cell.
            parts = sorted(cell, key=lambda part: local_name(part) == "annotation")
            parts = [part for part in parts if local_name(part) in ("p", "annotation")]
            text = "\n".join(line.text for line in document.read_lines(parts))
            for place in range(min(width, _MOST_REPEATED) if text else 0):
                for n in range(min(repeated, _MOST_REPEATED)):
                    sheet.add_cell(number + n, column + place, text)
            rows, columns = _read_count(cell, "number-rows-spanned"), _read_count(cell, "number-columns-spanned")
            if text and rows * columns > 1:
                merges.append(((number, number + rows - 1), (column, column + columns - 1)))
            column += width
        number += repeated
    for merge in merges:
        sheet.merge_cells(*merge)


def _read_frames(document: _Document, table: Element) -> Iterator[DocumentLine]:
    """Give the lines of the charts and boxes that lie on a sheet."""
    for element in table.iter():
        if local_name(element) in ("frame", "custom-shape"):
            yield from document.read_lines([element])
