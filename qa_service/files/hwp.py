"""This module reads an HWP, the binary file of Hangul: version 5 and the older version 3.

unhwp parses it; hwp-hwpx-parser gives the same text of version 5 and can't read version 3, and pyhwp's licence doesn't
fit. Where unhwp has no library for the machine, the kind is `unsupported`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from qa_service.errors import Unreadable
from qa_service.files.hangul import is_chapter_title, write_hangul_equation
from qa_service.files.outline import DocumentLine, split_at_headings
from qa_service.files.segment import RawFile, Segment
from qa_service.files.tables import Cell, flatten_cell, lay_out_cells, resemble_names, write_table

try:
    import unhwp
except (ImportError, OSError):  # It has no library for this machine.
    unhwp = None

_SHOWN = frozenset({"Text", "Link"})
_ENCRYPTED = re.compile("password|encrypt", re.IGNORECASE)


def read_hwp(raw: RawFile) -> Iterator[Segment]:
    """Give one segment for each heading. A heading is a paragraph of the outline, or the title of a chapter."""
    yield from split_at_headings(_list_lines(raw.content))


def _list_lines(content: bytes) -> Iterator[DocumentLine]:
    for part in _parse(content)["sections"]:
        for block in part.get("content") or ():
            ((kind, value),) = block.items() if isinstance(block, dict) and len(block) == 1 else [("", block)]
            if kind == "Paragraph":
                text = _write_paragraph(value).strip()
                yield from [DocumentLine(text, _is_heading(value, text))] if text else []
            elif kind == "Table":
                yield from map(DocumentLine, _write_table(value))


def _parse(content: bytes) -> Any:
    if unhwp is None:
        raise Unreadable("unsupported")
    try:
        with unhwp.parse_bytes(content) as document:
            return json.loads(document.json)
    except unhwp.UnhwpError as error:
        raise Unreadable("encrypted" if _ENCRYPTED.search(str(error)) else "damaged") from error


def _is_heading(paragraph: Any, text: str) -> bool:
    style = paragraph.get("style") or {}
    head = style.get("head") or {}
    return bool(style.get("heading_level") or head.get("kind") == "Outline" or is_chapter_title(text))


def _write_paragraph(paragraph: Any) -> str:
    return "".join(_write_inline(inline) for inline in paragraph.get("content") or ())


def _write_inline(inline: Any) -> str:
    if isinstance(inline, str):
        return "\n" if inline == "LineBreak" else ""
    ((kind, value),) = inline.items()
    if kind == "Equation":
        return write_hangul_equation(value.get("script") or "")
    return (value.get("text") or "") if kind in _SHOWN and isinstance(value, dict) else ""


def _write_table(table: Any) -> Iterator[str]:
    cells, taken = list[Cell](), set[tuple[int, int]]()
    for number, row in enumerate(table.get("rows") or ()):
        column = 0
        for cell in row.get("cells") or ():
            while (number, column) in taken:
                column += 1
            placed = _place_cell(cell, number, column)
            taken.update((number + n, column + m) for n in range(placed.rows) for m in range(placed.columns))
            cells.append(placed)
    yield from (line for _, line in write_table(lay_out_cells(cells), resemble_names))


def _place_cell(cell: Any, row: int, column: int) -> Cell:
    text = flatten_cell("\n".join(_write_paragraph(paragraph) for paragraph in cell.get("content") or ()))
    spans = (min(int(cell.get(name) or 1), 200) for name in ("rowspan", "colspan"))
    return Cell(row, column, text, *spans)
