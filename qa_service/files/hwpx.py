"""This module reads an HWPX, the zipped XML of Hangul: paragraphs with their numbers, tables, boxes, notes and memos.

The XML is read here, because unhwp, which reads the older HWP, and hwp-hwpx-parser leave the numbers of outlines, the
boxes of forms and most equations out, and put notes into the middle of their sentences.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from zipfile import ZipFile

from msgspec import Struct

from qa_service.files.archive import check_archive, refuse_encrypted
from qa_service.files.hangul import is_chapter_title, write_hangul_equation
from qa_service.files.ordinals import write_ordinal
from qa_service.files.outline import DocumentLine, split_at_headings, write_section
from qa_service.files.package import Element, local_name, parse_xml
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import Cell, flatten_cell, lay_out_cells, resemble_names, write_table

_HEADER = "Contents/header.xml"
_SECTION = re.compile(r"Contents/section(\d{1,4})\.xml")
_PLACE = re.compile(r"\^(\d)")
_OUTLINE_STYLE = re.compile("^(?:개요|제목|outline|heading|title)", re.IGNORECASE | re.MULTILINE)
_BULLET = "•"
_ATTACHED = frozenset({"tbl", "footNote", "endNote", "drawText", "caption", "fieldBegin", "header", "footer"})
_MARGINS = frozenset({"header", "footer"})
_UNSEEN = frozenset({"secPr", "shapeComment", "hiddenComment", "parameters", "linesegarray"})
_SHIFTS: Mapping[str, Callable[[str], str]] = {"supscript": raise_digits, "subscript": lower_digits}
_FORMS = {
    "CIRCLED_DIGIT": "decimalEnclosedCircle",
    "HANGUL_JAMO": "chosung",
    "HANGUL_PHONETIC": "koreanCounting",
    "HANGUL_SYLLABLE": "ganada",
    "IDEOGRAPH": "chineseCounting",
    "LATIN_CAPITAL": "upperLetter",
    "LATIN_SMALL": "lowerLetter",
    "ROMAN_CAPITAL": "upperRoman",
    "ROMAN_SMALL": "lowerRoman",
}


class _Head(Struct, frozen=True):
    """A `_Head` says what stands before a paragraph: a number of an outline or a list, or a bullet."""

    kind: str
    list_id: str
    level: int


class _Level(Struct, frozen=True):
    form: str
    text: str
    start: int


def read_hwpx(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading: a paragraph of the outline, or the title of a chapter. The headers and footers
    of the pages are the last segment."""
    check_archive(raw.content)
    with ZipFile(BytesIO(raw.content)) as archive:
        reading = _Reading(archive)
        yield from split_at_headings(reading.read_sections(archive))
        yield write_section("", list(dict.fromkeys(reading.margins)))


class _Reading:
    """A `_Reading` gives the lines of one document, and counts its numbers."""

    def __init__(self, archive: ZipFile) -> None:
        refuse_encrypted(archive)
        self.margins = list[str]()
        header = parse_xml(archive.read(_HEADER)) if _HEADER in archive.namelist() else None
        self._heads = dict(_read_heads(header))
        self._shifts = dict(_read_shifts(header))
        self._levels = dict(_read_levels(header))
        self._counts: dict[str, list[int]] = {}
        self._outlined = frozenset(_read_outline_styles(header))
        self._outline = ""

    def read_sections(self, archive: ZipFile) -> Iterator[DocumentLine]:
        found = {int(match[1]): name for name in archive.namelist() if (match := _SECTION.fullmatch(name))}
        for number in sorted(found):
            root = parse_xml(archive.read(found[number]))
            _remove_deleted(root)
            self._shift_numbers(root)
            outline = next((node for node in root.iter() if local_name(node) == "secPr"), None)
            self._outline = (outline is not None and outline.get("outlineShapeIDRef")) or self._outline
            yield from self._lines(root)

    def _shift_numbers(self, root: Element) -> None:
        """Write raised and lowered numbers in signs of their own."""
        for text in root.iter() if self._shifts else ():
            shift = self._shifts.get(text.getparent().get("charPrIDRef") or "") if local_name(text) == "t" else None
            if shift and text.text:
                text.text = shift(text.text)

    def _lines(self, element: Element) -> Iterator[DocumentLine]:
        for child in element:
            name = local_name(child)
            if name == "p":
                yield from self._paragraph(child)
            elif name == "tbl":
                yield from self._table(child)
            elif name not in _UNSEEN:
                yield from self._lines(child)

    def _paragraph(self, paragraph: Element) -> Iterator[DocumentLine]:
        head = self._heads.get(paragraph.get("paraPrIDRef") or "")
        number = self._number(head) if head else ""
        text = _text(paragraph).strip()
        if text:
            yield DocumentLine(f"{number} {text}".lstrip(), self._is_heading(paragraph, head) or is_chapter_title(text))
        for attached in _list_attached(paragraph):
            if local_name(attached) in _MARGINS:
                self.margins += [line.text for line in self._lines(attached)]
            else:
                yield from self._lines([attached])

    def _is_heading(self, paragraph: Element, head: _Head | None) -> bool:
        is_outlined = head is not None and head.kind == "OUTLINE"
        return is_outlined or paragraph.get("styleIDRef") in self._outlined

    def _number(self, head: _Head) -> str:
        if head.kind == "BULLET":
            return _BULLET
        key = self._outline if head.kind == "OUTLINE" else head.list_id
        levels = self._levels.get(key, {})
        if head.level not in levels:
            return ""
        counts = self._counts.setdefault(key, [])
        while len(counts) <= head.level:
            level = levels.get(len(counts))
            counts.append((level.start if level else 1) - (len(counts) == head.level))
        counts[head.level] += 1
        del counts[head.level + 1 :]
        return _PLACE.sub(lambda place: _write_count(levels, counts, int(place[1]) - 1), levels[head.level].text)

    def _table(self, table: Element) -> Iterator[DocumentLine]:
        """Give a line for each row that has text. A row of one cell may have more lines, and headings among them."""
        for caption in table:
            if local_name(caption) == "caption":
                yield from self._lines(caption)
        rows: dict[int, list[list[DocumentLine]]] = {}
        cells, headers = list[Cell](), set[int]()
        for cell in _list_cells(table):
            lines = [*self._lines(cell)]
            placed = _place_cell(cell, flatten_cell("\n".join(line.text for line in lines)))
            cells.append(placed)
            rows.setdefault(placed.row, []).extend([lines] if lines else [])
            if cell.get("header") == "1":
                headers.add(placed.row)
        first = next(row for row in range(len(headers) + 1) if row not in headers)
        for number, line in write_table(lay_out_cells(cells), resemble_names, first):
            filled = rows.get(number, [])
            yield from filled[0] if len(filled) == 1 and " | " not in line else [DocumentLine(line)]


def _remove_deleted(root: Element) -> None:
    """Remove the text that was deleted while changes were tracked. Where the end of a deletion is missing, its text
    stays."""
    ended = {node.get("Id") for node in root.iter() if local_name(node) == "deleteEnd"}
    is_deleted = False
    for text in root.iter() if ended else ():
        if local_name(text) != "t":
            continue
        text.text = "" if is_deleted else text.text
        for mark in text:
            if local_name(mark) in ("deleteBegin", "deleteEnd"):
                is_deleted = local_name(mark) == "deleteBegin" and mark.get("Id") in ended
            mark.tail = "" if is_deleted else mark.tail


def _read_shifts(header: Element | None) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Give what raises or lowers numbers, by the id of the look of a run."""
    for look in () if header is None else header.iter():
        for mark in look if local_name(look) == "charPr" else ():
            if local_name(mark) in _SHIFTS:
                yield look.get("id") or "", _SHIFTS[local_name(mark)]


def _read_heads(header: Element | None) -> Iterator[tuple[str, _Head]]:
    for properties in () if header is None else header.iter():
        if local_name(properties) == "paraPr":
            for heading in properties.iter():
                if local_name(heading) == "heading" and heading.get("type") not in (None, "NONE"):
                    level = int(heading.get("level") or 0)
                    yield properties.get("id"), _Head(heading.get("type"), heading.get("idRef") or "", level)


def _read_outline_styles(header: Element | None) -> Iterator[str]:
    """Give the ids of the styles that are for headings."""
    for style in () if header is None else header.iter():
        names = f"{style.get('name')}\n{style.get('engName')}" if local_name(style) == "style" else ""
        if _OUTLINE_STYLE.search(names):
            yield style.get("id")


def _read_levels(header: Element | None) -> Iterator[tuple[str, dict[int, _Level]]]:
    """Give the levels of each list, by its id."""
    for numbering in () if header is None else header.iter():
        if local_name(numbering) == "numbering":
            heads = [child for child in numbering if local_name(child) == "paraHead"]
            yield (
                numbering.get("id"),
                {
                    int(head.get("level") or 1) - 1: _Level(
                        _FORMS.get(head.get("numFormat") or "", "decimal"), head.text or "", int(head.get("start") or 1)
                    )
                    for head in heads
                },
            )


def _write_count(levels: Mapping[int, _Level], counts: list[int], level: int) -> str:
    return write_ordinal(counts[level], levels[level].form) if level < len(counts) and level in levels else ""


def _list_attached(paragraph: Element) -> Iterator[Element]:
    """Give what hangs on a paragraph: tables, notes, boxes, captions and memos."""
    for child in paragraph:
        name = local_name(child)
        if name in _ATTACHED:
            yield child
        elif name not in _UNSEEN:
            yield from _list_attached(child)


def _list_cells(table: Element) -> Iterator[Element]:
    for row in table:
        if local_name(row) == "tr":
            yield from (cell for cell in row if local_name(cell) == "tc")


def _place_cell(cell: Element, text: str) -> Cell:
    found = {local_name(child): child for child in cell}
    address, span = found.get("cellAddr", {}), found.get("cellSpan", {})
    return Cell(
        int(address.get("rowAddr") or 0),
        int(address.get("colAddr") or 0),
        text,
        int(span.get("rowSpan") or 1),
        int(span.get("colSpan") or 1),
    )


def _text(element: Element) -> str:
    """Return the text of one paragraph, without what hangs on it."""
    return "".join(_text_of(child) for child in element)


def _text_of(child: Element) -> str:
    name = local_name(child)
    if name in _WRITERS:
        return _WRITERS[name](child)
    return "" if name in _ATTACHED or name in _UNSEEN else _text(child)


def _write_run(element: Element) -> str:
    """Return the text of a run, which has signs such as tabs within its text."""
    return (element.text or "") + "".join(_text_of(child) + (child.tail or "") for child in element)


def _write_button(button: Element) -> str:
    mark = "☒" if button.get("value") == "CHECKED" else "☐"
    return f"{mark} {button.get('caption') or ''}".rstrip()


_WRITERS: Mapping[str, Callable[[Element], str]] = {
    "t": _write_run,
    "tab": lambda _: "\t",
    "lineBreak": lambda _: "\n",
    "nbSpace": lambda _: " ",
    "fwSpace": lambda _: " ",
    "hyphen": lambda _: "-",
    "equation": lambda element: write_hangul_equation("".join(_list_scripts(element))),
    "checkBtn": _write_button,
    "radioBtn": _write_button,
    "comboBox": lambda element: element.get("selectedValue") or "",
    "edit": lambda element: "".join(child.text or "" for child in element if local_name(child) == "text"),
    "mainText": lambda element: element.text or "",
    "subText": lambda element: f"({element.text})" if element.text else "",
}
"""These elements of a paragraph are text, and such a function returns it."""


def _list_scripts(equation: Element) -> Iterator[str]:
    return (child.text or "" for child in equation if local_name(child) == "script")
