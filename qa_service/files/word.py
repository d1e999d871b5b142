"""This module reads a DOCX in reading order: paragraphs, tables and text boxes, and each note after its paragraph.

python-docx opens the file and finds the styles. The text is collected from the XML here, because the `paragraphs` and
`tables` of python-docx leave out text boxes, notes, headers, content controls and tracked insertions.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import chain
from typing import Any, TypeAlias

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from qa_service.errors import Unreadable
from qa_service.files.archive import check_archive
from qa_service.files.segment import RawFile, Segment

Element: TypeAlias = Any
"""This is an element of lxml. It is `Any`, because lxml declares no types."""

_PARAGRAPH, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_BOX = qn("w:txbxContent")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNSEEN = frozenset({_FALLBACK, qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr")})
_NOTE_REFERENCES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_TEXTS = frozenset({qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_BODY_LEVEL = 9
_DEEPEST_STYLE = 10

_Line: TypeAlias = tuple[bool, str]
"""The first value says whether the line is a heading, and the second one is its text."""


def read_docx(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading. The heading is the segment's first line and its section. The text before the
    first heading is a segment too. The last segment has the headers and footers of the pages, each of them once."""
    check_archive(raw.content)
    document = _opened(raw.content)
    section, lines = "", list[str]()
    for is_heading, line in _Reading(document).lines():
        if is_heading:
            yield _segment(section, lines)
            section, lines = line, []
        lines.append(line)
    yield _segment(section, lines)
    margins = chain.from_iterable(_plain_lines(part.element) for part in _parts(document, "header", "footer"))
    yield _segment("", list(dict.fromkeys(margins)))


def _segment(section: str, lines: list[str]) -> Segment:
    return Segment("".join(f"{line}\n" for line in lines) + "\n" if lines else "", section=" ".join(section.split()))


def _opened(content: bytes) -> WordDocument:
    try:
        return Document(BytesIO(content))
    except ValueError as error:
        raise Unreadable("unsupported") from error
    except (KeyError, SyntaxError) as error:
        raise Unreadable("damaged") from error


class _Reading:
    """A `_Reading` gives the lines of one document. It knows which styles are headings, and the texts of the notes."""

    def __init__(self, document: WordDocument) -> None:
        self._body = document.element.body
        self._headings = _heading_styles(document)
        self._notes = dict(_notes(document))

    def lines(self) -> Iterator[_Line]:
        return self._lines(self._body)

    def _lines(self, element: Element) -> Iterator[_Line]:
        for child in element:
            if child.tag == _PARAGRAPH:
                yield from self._paragraph(child)
            elif child.tag == _TABLE:
                yield from ((False, line) for line in _rows(child))
            elif child.tag not in _UNSEEN:
                yield from self._lines(child)

    def _paragraph(self, paragraph: Element) -> Iterator[_Line]:
        text = _text(paragraph).strip()
        if text:
            yield self._is_heading(paragraph), text
        for box in _within(paragraph, {_BOX}):
            yield from self._lines(box)
        for reference in _within(paragraph, _NOTE_REFERENCES):
            note = self._notes.get((_NOTE_REFERENCES[reference.tag], reference.get(qn("w:id"))), "")
            if note:
                yield False, note

    def _is_heading(self, paragraph: Element) -> bool:
        return paragraph.style in self._headings or _has_outline_level(paragraph)


def _heading_styles(document: WordDocument) -> frozenset[str]:
    # Where a document has no styles, python-docx opens a file of its own for them, which a sandbox forbids.
    if not any(relation.reltype == RELATIONSHIP_TYPE.STYLES for relation in document.part.rels.values()):
        return frozenset()
    styles = (style for style in document.styles if style.type == WD_STYLE_TYPE.PARAGRAPH)
    return frozenset(style.style_id for style in styles if _is_heading_style(style))


def _is_heading_style(style: Any) -> bool:
    # A style may inherit from another one. The number of steps is bounded, because a hostile file can make a circle.
    for _ in range(_DEEPEST_STYLE):
        if style is None:
            return False
        if (style.name or "").startswith(("Heading", "Title")) or _has_outline_level(style.element):
            return True
        style = style.base_style
    return False


def _has_outline_level(element: Element) -> bool:
    level = element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
    return level is not None and level.get(qn("w:val")) != str(_BODY_LEVEL)


def _notes(document: WordDocument) -> Iterator[tuple[tuple[str, str], str]]:
    for kind in ("footnotes", "endnotes"):
        for part in _parts(document, kind):
            for note in parse_xml(part.blob):
                yield (kind, note.get(qn("w:id"))), " ".join(_plain_lines(note))


def _parts(document: WordDocument, *kinds: str) -> list[Any]:
    relations = document.part.rels.values()
    return [r.target_part for r in relations if not r.is_external and r.reltype.rpartition("/")[2] in kinds]


def _plain_lines(element: Element) -> Iterator[str]:
    texts = (_text(paragraph).strip() for paragraph in element.iter(_PARAGRAPH))
    return (text for text in texts if text)


def _rows(table: Element) -> Iterator[str]:
    """Give one line for each row that has text. A table within a cell becomes part of the cell's text."""
    for row in _within(table, {_ROW}):
        cells = [" ".join(_plain_lines(cell)) for cell in _within(row, {_CELL})]
        if any(cells):
            yield " | ".join(cells)


def _within(element: Element, tags: Mapping[str, str] | set[str]) -> Iterator[Element]:
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
    if child.tag in _TEXTS:
        return child.text or ""
    if child.tag in _SIGNS:
        return _SIGNS[child.tag]
    return "" if child.tag in _UNSEEN or child.tag == _BOX else _text(child)
