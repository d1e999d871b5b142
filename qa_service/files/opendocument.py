"""This module reads OpenDocument: texts (ODT), sheets (ODS) and presentations (ODP).

The text that is shown stands in one part of the archive. odfpy, whose last release is of 2020, and odfdo were compared:
both give paragraphs or cells without numbers, notes and spans, for which the XML must be read anyway.
"""

import re
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from zipfile import ZipFile

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.archive import check_archive, refuse_encrypted
from qa_service.files.opendocument_lists import ListStyles
from qa_service.files.opendocument_text import (
    ATTACHED,
    UNSEEN,
    TextStyles,
    find_elements,
    read_attribute,
    read_attribute_count,
)
from qa_service.files.outline import DocumentLine, split_at_headings, write_section
from qa_service.files.package import Element, local_name, parse_xml
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import Cell, flatten_cell, lay_out_cells, resemble_names, write_table
from qa_service.files.worksheets import Worksheet, read_sheet
from qa_service.model import Place

_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)")
_BLOCKS = frozenset({"p", "h"})
_MARGINS = ("header", "header-first", "header-left", "footer", "footer-first", "footer-left")
_ITEMS = frozenset({"list-item", "list-header"})
_MOST_REPEATED = 100
"""A cell or a row with text is repeated at most this many times. Empty ones, which office programs repeat by thousands,
only count."""
_MOST_LEVELS = 10
_MOST_OBJECTS = 200


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
        titles = [frame for frame in shapes if read_attribute(frame, "class", "presentation") == "title"]
        section = " ".join(line.text for line in document.read_lines(titles))
        shown = write_section(section, [line.text for line in document.read_lines(shapes)])
        place = Place(slide=number)
        yield Segment(shown.text, page=number, pages=len(slides), section=shown.section, paged=True, place=place)


def read_ods(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of the rows of each sheet. Hidden sheets are left out."""
    document = _Document(raw.content)
    for table in document.body:
        if local_name(table) == "table" and not document.is_hidden(table):
            name = read_attribute(table, "name")
            yield from read_sheet(name, partial(_fill, document, table))
            yield replace(
                write_section(name, [line.text for line in _read_frames(document, table)]), place=Place(sheet=name)
            )


def _rank_shape(shape: Element) -> tuple[int, float, float]:
    """Return what sorts the shapes of a slide: its title, the others from top to bottom and from left to right, and its
    notes."""
    if local_name(shape) == "notes":
        return 2, 0, 0
    placed = next((part for part in shape.iter() if read_attribute(part, "y", "svg-compatible")), shape)
    top, left = (_LENGTH.match(read_attribute(placed, axis, "svg-compatible")) for axis in "yx")
    is_title = read_attribute(shape, "class", "presentation") == "title"
    return 0 if is_title else 1, round(float(top[1]) * 2) if top else 0, float(left[1]) if left else 0


class _Document:
    """A `_Document` gives the lines of one document, with the numbers of its lists."""

    def __init__(self, content: bytes) -> None:
        check_archive(content)
        with ZipFile(BytesIO(content)) as archive:
            refuse_encrypted(archive)
            names = set(archive.namelist())
            if "content.xml" not in names:
                raise Unreadable("damaged")
            self._root = parse_xml(archive.read("content.xml"))
            objects = [name for name in names if name.endswith("/content.xml")][:_MOST_OBJECTS]
            self._objects = {name: archive.read(name) for name in objects}
            self._styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in names else None
        self._numbers = ListStyles(self._styles, self._root)
        self._texts = TextStyles(self._styles, self._root)
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
        return self._texts.is_hidden_table(table)

    def read_margins(self) -> Iterator[DocumentLine]:
        """Give the lines of the headers and footers."""
        for name in _MARGINS:
            for element in find_elements(self._styles, name, "style"):
                yield from self.read_lines(element)

    def read_lines(self, elements: Element | list[Element]) -> Iterator[DocumentLine]:
        """Give the lines of the paragraphs and tables in these elements."""
        for element in elements:
            name = local_name(element)
            if name in UNSEEN or self._texts.is_hidden(element):
                continue
            if name in _BLOCKS:
                yield from self._read_paragraph(element)
            elif name == "table":
                yield from self._read_table(element)
            elif name == "list":
                yield from self._read_list(element, "", [])
            elif name == "object":
                yield from self._read_object(element)
            else:
                yield from self.read_lines(element)

    def _read_object(self, element: Element) -> Iterator[DocumentLine]:
        """Give the lines of a chart, which is a document of its own in the archive."""
        folder = element.get("{http://www.w3.org/1999/xlink}href") or ""
        content = self._objects.get(f"{folder.removeprefix('./')}/content.xml")
        root = parse_xml(content) if content else None
        if root is not None and local_name(root) != "math":
            yield from self.read_lines([child for child in root if local_name(child) == "body"])

    def _read_paragraph(self, paragraph: Element) -> Iterator[DocumentLine]:
        is_heading, text = local_name(paragraph) == "h", self._texts.write_text(paragraph).strip()
        is_item = local_name(paragraph.getparent()) in _ITEMS
        number = self._numbers.number_heading(paragraph) if is_heading and not is_item else ""
        if text:
            yield DocumentLine(f"{number} {text}".lstrip(), is_heading)
        for attached in _list_attached(paragraph):
            yield from self.read_lines(attached)

    def _read_list(self, items: Element, style: str, counts: list[int]) -> Iterator[DocumentLine]:
        """Give the lines of a list. `counts` has the last number of each level above this one."""
        style = read_attribute(items, "style-name", "text") or style
        goes_on = read_attribute(items, "continue-numbering", "text") == "true" or bool(
            read_attribute(items, "continue-list", "text")
        )
        start = (
            self._counts.get(style, [0])[-1]
            if goes_on and not counts
            else self._numbers.find_start(style, len(counts)) - 1
        )
        counts = [*counts, start]
        for item in items:
            if local_name(item) not in _ITEMS:
                continue
            own = read_attribute(item, "start-value", "text")
            is_numbered = local_name(item) == "list-item" and any(local_name(child) in _BLOCKS for child in item)
            counts[-1] = int(own) if own.isdecimal() else counts[-1] + is_numbered
            yield from self._read_item(
                item, style, counts, self._numbers.write_number(style, counts) if is_numbered else ""
            )
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

    def _read_table(self, table: Element) -> Iterator[DocumentLine]:
        rows = list(_list_rows(table))
        headers = sum(local_name(row.getparent()) == "table-header-rows" for row in rows)
        lines = [[(cell, list(self.read_lines(cell))) for cell in _list_cells(row)] for row in rows]
        for number, line in write_table(_lay_out(lines), resemble_names, headers):
            filled = [found for _, found in lines[number] if found]
            if len(filled) == 1 and (len(filled[0]) > 1 or filled[0][0].is_heading):
                yield from filled[0]
            else:
                yield DocumentLine(line)


def _lay_out(rows: list[list[tuple[Element, list[DocumentLine]]]]) -> list[list[str]]:
    """Return the texts of the cells in their columns. A short text that spans several rows stands in each of them."""
    cells = list[Cell]()
    for number, row in enumerate(rows):
        column = 0
        for cell, lines in row:
            text = flatten_cell("\n".join(line.text for line in lines))
            width = min(read_attribute_count(cell, "number-columns-repeated"), _MOST_REPEATED)
            if local_name(cell) == "table-cell":
                height, columns = (read_attribute_count(cell, f"number-{side}-spanned") for side in ("rows", "columns"))
                cells += [Cell(number, column + n, text, height, columns) for n in range(width)]
            column += width
    return lay_out_cells(cells)


def _list_attached(paragraph: Element) -> Iterator[Element]:
    """Give what hangs on a paragraph: notes, comments and frames."""
    for child in paragraph:
        name = local_name(child)
        if name in ATTACHED:
            yield [part for part in child if local_name(part) not in ("note-citation", "creator", "date")]
        elif name not in UNSEEN:
            yield from _list_attached(child)


def _list_cells(row: Element) -> list[Element]:
    return [cell for cell in row if local_name(cell) in ("table-cell", "covered-table-cell")]


def _list_rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local_name(child) == "table-row":
            yield child
        elif local_name(child) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _list_rows(child)


def _fill(document: _Document, table: Element, sheet: Worksheet) -> None:
    number = 1
    merges = list[tuple[tuple[int, int], tuple[int, int]]]()
    for row in _list_rows(table):
        repeated = read_attribute_count(row, "number-rows-repeated")
        column = 1
        for cell in row:
            width = read_attribute_count(cell, "number-columns-repeated")
            # The note of a cell stands before its text there. Charts and pictures only hang on a cell.
            parts = sorted(cell, key=lambda part: local_name(part) == "annotation")
            parts = [part for part in parts if local_name(part) in ("p", "annotation")]
            shown = [line.text for line in document.read_lines(parts)]
            text = "\n".join(shown if any(local_name(part) == "p" for part in parts) else [*shown, _read_value(cell)])
            for place in range(min(width, _MOST_REPEATED) if text else 0):
                for n in range(min(repeated, _MOST_REPEATED)):
                    sheet.add_cell(number + n, column + place, text)
            rows, columns = (
                read_attribute_count(cell, "number-rows-spanned"),
                read_attribute_count(cell, "number-columns-spanned"),
            )
            if text and rows * columns > 1:
                merges.append(((number, number + rows - 1), (column, column + columns - 1)))
            column += width
        number += repeated
    for merge in merges:
        sheet.merge_cells(*merge)


def _read_value(cell: Element) -> str:
    """Return the value of a cell whose text the writing program has left to others, or else its formula."""
    values = (read_attribute(cell, f"{kind}value", "office") for kind in ("", "date-", "time-", "string-", "boolean-"))
    formula = read_attribute(cell, "formula")
    return next(filter(None, values), formula[formula.find("=") :] if "=" in formula else "")


def _read_frames(document: _Document, table: Element) -> Iterator[DocumentLine]:
    """Give the lines of the charts and boxes that lie on a sheet."""
    for element in table.iter():
        if local_name(element) in ("frame", "custom-shape"):
            yield from document.read_lines([element])
