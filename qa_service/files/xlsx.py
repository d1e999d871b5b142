"""This module reads the sheets of an XLSX: values as they are shown, merged cells, notes, and the text of charts.

calamine, openpyxl and office-oxide were compared. calamine gives no number formats, so that 15 % becomes 0.15, and
unpacks the whole rectangle of a sheet; openpyxl takes 12 s for a million cells and refuses files for their styles.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lxml import etree

from qa_service.errors import Unreadable
from qa_service.files.charts import read_chart, read_drawn_text
from qa_service.files.number_formats import BUILT_IN, format_number
from qa_service.files.package import STRICT_NAMESPACE, Element, Package, expand_name, local_name
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.segment import RawFile, Segment
from qa_service.files.worksheets import Worksheet, read_sheet
from qa_service.model import Place

_MOST_STREAMED = 300_000_000
"""This many bytes of one unpacked sheet are read at most."""
_CHUNK = 1 << 12
_SHEETS = "xl/worksheets/"
_PHONETIC = "rPh"
_HIDDEN = frozenset({"hidden", "veryHidden"})
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
"""So a text has the characters that XML can't hold, most often the end of a line."""
_SHIFT = f"{expand_name('s:rPr')}/{expand_name('s:vertAlign')}"
_SHIFTS: Mapping[str, Callable[[str], str]] = {"superscript": raise_digits, "subscript": lower_digits}
_LETTERS = 26
_LONGEST_NUMBER = 7


def read_xlsx(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of the rows of each sheet, and then those of its notes and charts. The place of each has the
    sheet's name. Hidden sheets are left out."""
    package = Package(raw.content, streamed=_SHEETS)
    if package.main.endswith(".bin"):
        raise Unreadable("unsupported")
    workbook = package.read_part(package.main)
    if local_name(workbook) != "workbook":
        raise Unreadable("unsupported")
    reading = _Reading(package, workbook)
    relations = {relation.id: relation for relation in package.find_related(package.main)}
    for sheet in workbook.iter(expand_name("s:sheet")):
        relation = relations.get(sheet.get(expand_name("r:id")) or "")
        if relation and sheet.get("state") not in _HIDDEN:
            yield from reading.read_one(sheet.get("name") or "", relation.target)


class _Reading:
    """A `_Reading` knows what the sheets of one workbook share: its texts and its number formats."""

    def __init__(self, package: Package, workbook: Element) -> None:
        self._package = package
        settings = workbook.find(expand_name("s:workbookPr"))
        self._since_1904 = settings is not None and settings.get("date1904") in ("1", "true")
        self._texts = [_read_text(item) for item in self._children("sharedStrings")]
        self._formats = list(_read_formats(self._find_part("styles")))

    def read_one(self, name: str, part: str) -> Iterator[Segment]:
        yield from read_sheet(name, partial(self._fill, part))
        lines = [*self._read_notes(part), *self._read_drawings(part)]
        if lines:
            yield Segment("".join(f"{line}\n\n" for line in lines), section=name, place=Place(sheet=name))

    def _find_part(self, kind: str) -> Element | None:
        found = next(self._package.find_related(self._package.main, kind), None)
        return self._package.read_part(found.target) if found else None

    def _children(self, kind: str) -> list[Element]:
        part = self._find_part(kind)
        return [] if part is None else list(part)

    def _fill(self, part: str, sheet: Worksheet) -> None:
        row = column = 0
        for element in _stream(self._package, part):
            name = local_name(element)
            if name == "c":
                row, column = _find_place(element, row, column)
                sheet.add_cell(row, column, self._read_cell(element))
            elif name == "row":
                row, column = _find_row(element, row if column else row + 1), 0
                _forget(element)
            else:
                first, _, last = (element.get("ref") or "").partition(":")
                (top, left), (bottom, right) = _parse_reference(first), _parse_reference(last or first)
                sheet.merge_cells((top, bottom), (left, right))

    def _read_cell(self, cell: Element) -> str:
        kind, value = cell.get("t") or "n", cell.findtext(expand_name("s:v"))
        if value is None and (formula := cell.findtext(expand_name("s:f"))):
            # The program that wrote the file has left the computing to Excel.
            return f"={formula}"
        value = value or ""
        if kind == "inlineStr":
            return "".join(_read_text(item) for item in cell.iterfind(expand_name("s:is")))
        if kind == "s":
            return self._texts[int(value)] if value.isdecimal() and int(value) < len(self._texts) else ""
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        return self._show_number(value, cell.get("s") or "0") if kind == "n" else _unescape(value)

    def _show_number(self, value: str, style: str) -> str:
        code = self._formats[int(style)] if style.isdecimal() and int(style) < len(self._formats) else ""
        try:
            return format_number(float(value), code, since_1904=self._since_1904)
        except ValueError:
            return value

    def _read_notes(self, part: str) -> Iterator[str]:
        for relation in self._package.find_related(part, "comments"):
            for note in self._package.read_part(relation.target).iter(expand_name("s:comment")):
                if text := " ".join(_read_text(note).split()):
                    yield f"{note.get('ref') or ''}: {text}"

    def _read_drawings(self, part: str) -> Iterator[str]:
        for drawing in self._package.find_related(part, "drawing"):
            yield from read_drawn_text(self._package.read_part(drawing.target))
            for chart in self._package.find_related(drawing.target, "chart"):
                yield from read_chart(self._package.read_part(chart.target))


def _read_text(item: Element) -> str:
    """Return the text of a cell without its readings, which are small signs above it."""
    texts = (node for node in item.iter(expand_name("s:t")) if local_name(node.getparent()) != _PHONETIC)
    return "".join(map(_read_run, texts))


def _read_run(node: Element) -> str:
    look = node.getparent().find(_SHIFT)
    shift = None if look is None else _SHIFTS.get(look.get("val") or "")
    text = _unescape(node.text or "")
    return shift(text) if shift else text


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _read_formats(styles: Element | None) -> Iterator[str]:
    """Give the number format of each style of a cell."""
    if styles is None:
        return
    own = {node.get("numFmtId"): node.get("formatCode") or "" for node in styles.iter(expand_name("s:numFmt"))}
    for style in styles.iterfind(f"{expand_name('s:cellXfs')}/{expand_name('s:xf')}"):
        number = style.get("numFmtId") or "0"
        yield own.get(number) or BUILT_IN.get(int(number) if number.isdecimal() else 0, "")


def _stream(package: Package, part: str) -> Iterator[Any]:
    """Give the cells, rows and merged cells of a sheet as they end. Raises `Unreadable` at the end of what may be
    read."""
    left = _MOST_STREAMED
    parser = etree.XMLPullParser(
        ["end"], tag=["{*}c", "{*}row", "{*}mergeCell"], resolve_entities=False, no_network=True, load_dtd=False
    )
    with package.open_part(part) as file:
        try:
            while chunk := file.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise Unreadable("too_large")
                parser.feed(STRICT_NAMESPACE.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", chunk))
                yield from (element for _, element in parser.read_events())
        except (etree.XMLSyntaxError, zlib.error, EOFError) as error:
            raise Unreadable("damaged") from error


def _forget(row: Element) -> None:
    """Free a row that was read, and what is before it."""
    row.clear()
    parent = row.getparent()
    while parent is not None and row.getprevious() is not None:
        del parent[0]


def _find_row(row: Element, default: int) -> int:
    number = row.get("r") or ""
    return int(number) if number.isdecimal() and len(number) <= _LONGEST_NUMBER else default


def _find_place(cell: Element, row: int, column: int) -> tuple[int, int]:
    """Return the row and the column of a cell. One without a reference is the next in its row."""
    found = _parse_reference(cell.get("r") or "")
    return found if found[0] else (_find_row(cell.getparent(), row if column else row + 1), column + 1)


def _parse_reference(reference: str) -> tuple[int, int]:
    found = _REFERENCE.fullmatch(reference)
    if not found:
        return 0, 0
    column = 0
    for letter in found[1]:
        column = column * _LETTERS + ord(letter) - ord("A") + 1
    return int(found[2]), column
