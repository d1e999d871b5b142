"""This module reads a DOCX in reading order: paragraphs with their numbers, tables and text boxes, and each note and
comment after its paragraph or row.

The parts of the package are read as XML. python-docx was used before: it opens no strict, macro-enabled or template
files and none with a relation to a missing part, and it leaves out text boxes, notes, headers and numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from qa_service.errors import Unreadable
from qa_service.files.charts import read_chart, read_drawn_text
from qa_service.files.equations import write_equation
from qa_service.files.kinds import read_segments
from qa_service.files.outline import DocumentLine, split_at_headings, write_section
from qa_service.files.package import Element, Package, Relation, expand_name
from qa_service.files.raised import lower_digits, raise_digits
from qa_service.files.segment import RawFile, Segment
from qa_service.files.signs import find_sign
from qa_service.files.sniffing import sniff_kind
from qa_service.files.tables import LONGEST_COLUMN_NAME, SPANNED, flatten_cell, resemble_names, write_table
from qa_service.files.word_styles import WordNumbering, WordStyles, read_value

_ROOT, _PARAGRAPH, _TABLE = expand_name("w:document"), expand_name("w:p"), expand_name("w:tbl")
_ROW, _CELL, _RUN = expand_name("w:tr"), expand_name("w:tc"), expand_name("w:r")
_BOX, _CHUNK, _ID, _VALUE = (expand_name(name) for name in ("w:txbxContent", "w:altChunk", "w:id", "w:val"))
_FONT, _CODE = expand_name("w:font"), expand_name("w:char")
_CHART, _DIAGRAM = expand_name("c:chart"), expand_name("dgm:relIds")
_UNSEEN = frozenset(map(expand_name, ("mc:Fallback", "w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:ffData")))
_NOTES = {
    expand_name("w:footnoteReference"): "footnotes",
    expand_name("w:endnoteReference"): "endnotes",
    expand_name("w:commentReference"): "comments",
}
_ATTACHED = {**_NOTES, _CHART: "chart", _DIAGRAM: "diagramData", _BOX: ""}
_DEEPEST = 3
"""Files within the text may lie so deep in each other."""
_MOST_SPANNED = 64
_OFF = frozenset({"0", "false", "off", "none"})


def read_docx(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading, as `split_at_headings` does. The last segment has the headers and footers of
    the pages, each of them once."""
    package = Package(raw.content)
    document = package.read_part(package.main)
    if document.tag != _ROOT:
        raise Unreadable("unsupported")
    reading = _Reading(package, raw.depth)
    yield from split_at_headings(reading.read_body(document))
    yield write_section("", list(dict.fromkeys(line.text for line in reading.read_margins())))
    if reading.problem:
        raise reading.problem


class _Reading:
    """A `_Reading` gives the lines of one document."""

    def __init__(self, package: Package, depth: int) -> None:
        self._package = package
        self._depth = depth
        self._relations = {relation.id: relation for relation in package.find_related(package.main)}
        styles = WordStyles(self._find_part("styles"))
        self._styles = styles
        self._numbering = WordNumbering(self._find_part("numbering"), styles)
        self._notes = dict(self._read_notes())
        self._drawn = set[str]()
        self.problem: Unreadable | None = None
        """This is why a file within the text couldn't be read."""

    def read_body(self, document: Element) -> Iterator[DocumentLine]:
        self._styles.apply_looks(document)
        yield from self._lines(document)
        for relation in self._relations.values():
            if relation.kind in ("chart", "diagramData") and relation.target not in self._drawn:
                yield from self._read_drawing(relation)

    def read_margins(self) -> Iterator[DocumentLine]:
        for relation in self._relations.values():
            if relation.kind in ("header", "footer"):
                part = self._package.read_part(relation.target)
                self._styles.apply_looks(part)
                yield from self._lines(part)

    def _find_part(self, kind: str) -> Element | None:
        found = next((relation.target for relation in self._relations.values() if relation.kind == kind), "")
        return self._package.read_part(found) if found else None

    def _read_notes(self) -> Iterator[tuple[tuple[str, str], str]]:
        for kind in _NOTES.values():
            part = self._find_part(kind)
            if part is not None:
                self._styles.apply_looks(part)
            for note in () if part is None else part:
                text = " ".join(line.text for line in self._lines(note))
                author = note.get(expand_name("w:author"))
                yield (kind, note.get(_ID)), f"{author}: {text}" if author and text else text

    def _lines(self, element: Element) -> Iterator[DocumentLine]:
        for child in element:
            if child.tag == _PARAGRAPH:
                yield from self._paragraph(child)
            elif child.tag == _TABLE:
                yield from self._table(child)
            elif child.tag == _CHUNK:
                yield from self._chunk(child)
            elif child.tag not in _UNSEEN:
                yield from self._lines(child)

    def _paragraph(self, paragraph: Element) -> Iterator[DocumentLine]:
        number, text = self._numbering.number_paragraph(paragraph), _text(paragraph).strip()
        if text:
            yield DocumentLine(f"{number} {text}".lstrip(), self._styles.is_heading(paragraph))
        for attached in _within(paragraph, _ATTACHED):
            yield from self._attached(attached)

    def _attached(self, element: Element) -> Iterator[DocumentLine]:
        """Give the lines of what hangs on a paragraph: of a text box, a note, a comment, a chart or a diagram."""
        if element.tag == _BOX:
            yield from self._lines(element)
        elif element.tag in _NOTES:
            note = self._notes.get((_NOTES[element.tag], element.get(_ID)), "")
            yield from [DocumentLine(note, is_note=True)] if note else []
        else:
            name = expand_name("r:id" if element.tag == _CHART else "r:dm")
            relation = self._relations.get(element.get(name) or "")
            yield from self._read_drawing(relation) if relation else ()

    def _read_drawing(self, relation: Relation) -> Iterator[DocumentLine]:
        self._drawn.add(relation.target)
        root = self._package.read_part(relation.target)
        yield from map(DocumentLine, read_chart(root) if relation.kind == "chart" else read_drawn_text(root))

    def _chunk(self, element: Element) -> Iterator[DocumentLine]:
        """Give the lines of a file of another kind that Word takes for a part of the text."""
        relation = self._relations.get(element.get(expand_name("r:id")) or "")
        if relation is None or self._depth >= _DEEPEST:
            return
        content = self._package.read_bytes(relation.target)
        inner = RawFile(content, depth=self._depth + 1)
        try:
            for segment in read_segments(sniff_kind(content, relation.target), inner):
                for line in filter(None, map(str.strip, segment.text.splitlines())):
                    yield DocumentLine(line, is_heading=line == segment.section)
        except Unreadable as error:
            self.problem = self.problem or error

    def _table(self, table: Element) -> Iterator[DocumentLine]:
        """Give a line for each row that has text. A row of one cell may have more lines, and headings among them."""
        elements = [*_within(table, {_ROW})]
        rows = [[(cell, [*self._lines(cell)]) for cell in _within(row, {_CELL})] for row in elements]
        grid = _fill_grid(rows, [*map(_count_skipped, elements)])
        for number, line in write_table(grid, resemble_names, _count_headers(elements)):
            filled = [lines for _, lines in rows[number] if lines]
            if len(filled) == 1 and _is_text(filled[0]):
                yield from filled[0]
            else:
                yield DocumentLine(line)
                yield from (note for lines in filled for note in lines if note.is_note)


def _is_text(lines: Sequence[DocumentLine]) -> bool:
    """Tell whether a cell has more than a value: several paragraphs, or a heading."""
    return sum(not line.is_note for line in lines) > 1 or lines[0].is_heading


def _count_headers(rows: Sequence[Element]) -> int:
    """Count the rows at the top that name the columns: those that are repeated on each page, or else the first one, if
    all of its cells are bold or coloured, and those of the second one aren't."""
    marks = (row.find(f"{expand_name('w:trPr')}/{expand_name('w:tblHeader')}") for row in rows)
    repeated = len([*takewhile(lambda mark: mark is not None and mark.get(_VALUE) not in _OFF, marks)])
    return repeated or int(len(rows) > 1 and _stands_out(rows[0]) and not _stands_out(rows[1]))


def _stands_out(row: Element) -> bool:
    cells = [*_within(row, {_CELL})]
    return len(cells) > 1 and (all(map(_is_coloured, cells)) or all(map(_is_bold, cells)))


def _is_coloured(cell: Element) -> bool:
    shade = cell.find(f"{expand_name('w:tcPr')}/{expand_name('w:shd')}")
    return shade is not None and (shade.get(expand_name("w:fill")) or "auto").lower() not in ("auto", "ffffff")


def _is_bold(cell: Element) -> bool:
    runs = [run for run in cell.iter(_RUN) if _text(run).strip()]
    marks = [run.find(f"{expand_name('w:rPr')}/{expand_name('w:b')}") for run in runs]
    return bool(runs) and all(mark is not None and mark.get(_VALUE) not in _OFF for mark in marks)


def _count_skipped(row: Element) -> int:
    """Count the columns at the left in which the row has no cells."""
    skipped = read_value(row, "w:trPr/w:gridBefore")
    return min(int(skipped), _MOST_SPANNED) if skipped.isdecimal() else 0


def _fill_grid(rows: Sequence[Sequence[tuple[Element, list[DocumentLine]]]], skipped: Sequence[int]) -> list[list[str]]:
    """Return the texts of the cells in their columns. A short text that spans several rows stands in each of them."""
    grid = list[list[str]]()
    for row, before in zip(rows, skipped, strict=True):
        texts = [""] * before
        for cell, lines in row:
            text = flatten_cell("\n".join(line.text for line in lines if not line.is_note))
            merge = cell.find(f"{expand_name('w:tcPr')}/{expand_name('w:vMerge')}")
            above = grid[-1][len(texts)] if grid and len(grid[-1]) > len(texts) else ""
            if merge is not None and merge.get(_VALUE) != "restart" and not text and len(above) <= LONGEST_COLUMN_NAME:
                text = above
            span = read_value(cell, "w:tcPr/w:gridSpan")
            texts += [text, *[SPANNED] * (min(int(span), _MOST_SPANNED) - 1 if span.isdecimal() else 0)]
        grid.append(texts)
    return grid


def _within(element: Element, tags: Iterable[str]) -> Iterator[Element]:
    """Give the elements with these tags below `element`, except those that are inside of another such element."""
    for child in element:
        if child.tag in tags:
            yield child
        elif child.tag not in _UNSEEN:
            yield from _within(child, tags)


def _text(element: Element) -> str:
    """Return the text of one paragraph, without the text of its text boxes."""
    return "".join(_text_of(child) for child in element)


def _text_of(child: Element) -> str:
    if child.tag in _WRITERS:
        return _WRITERS[child.tag](child)
    if child.tag in _UNSEEN or child.tag == _BOX or _is_hidden(child):
        return ""
    shift = _SHIFTS.get(read_value(child, "w:rPr/w:vertAlign") or "") if child.tag == _RUN else None
    return shift(_text(child)) if shift else _text(child)


def _is_hidden(element: Element) -> bool:
    mark = element.find(f"{expand_name('w:rPr')}/{expand_name('w:vanish')}") if element.tag == _RUN else None
    return mark is not None and mark.get(_VALUE) not in _OFF


def _field_value(field: Element) -> str:
    """Return what a field of a form shows: a ticked or an empty box, or the chosen entry of a list."""
    box, choices = (field.find(f"{expand_name('w:ffData')}/{expand_name(name)}") for name in ("w:checkBox", "w:ddList"))
    if box is not None:
        marks = (box.find(expand_name(name)) for name in ("w:checked", "w:default"))
        mark = next((mark for mark in marks if mark is not None), None)
        return "☐" if mark is None or mark.get(_VALUE) in _OFF else "☒"
    if choices is None:
        return ""
    entries = [entry.get(_VALUE) or "" for entry in choices.iterfind(expand_name("w:listEntry"))]
    chosen = read_value(choices, "w:result") or read_value(choices, "w:default") or "0"
    return entries[int(chosen)] if chosen.isdecimal() and int(chosen) < len(entries) else ""


_SHIFTS: Mapping[str, Callable[[str], str]] = {"superscript": raise_digits, "subscript": lower_digits}
_WRITERS: Mapping[str, Callable[[Element], str]] = {
    expand_name("w:t"): lambda element: element.text or "",
    expand_name("m:oMath"): write_equation,
    expand_name("w:sym"): lambda element: find_sign(element.get(_FONT) or "", element.get(_CODE) or ""),
    expand_name("w:fldChar"): _field_value,
    expand_name("w:rt"): lambda element: f"({_text(element)})",
    expand_name("w:tab"): lambda _: "\t",
    expand_name("w:br"): lambda _: "\n",
    expand_name("w:cr"): lambda _: "\n",
    expand_name("w:noBreakHyphen"): lambda _: "-",
}
"""These elements of a paragraph are text, and such a function returns it."""
