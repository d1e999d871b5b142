"""This module reads the sheets of an XLS, the binary workbook of Excel 5 to 2003.

xlrd gives the number formats, without which 15 % becomes 0.15. calamine and office-oxide, which were compared, don't.
"""

import struct
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any

import xlrd
from xlrd.compdoc import CompDocError

from qa_service.errors import Unreadable
from qa_service.files.number_formats import format_number
from qa_service.files.segment import RawFile, Segment
from qa_service.files.worksheets import Worksheet, read_sheet

_BROKEN = (xlrd.XLRDError, CompDocError, AssertionError, LookupError, TypeError, ValueError, struct.error)
"""xlrd raises these for damaged files."""
_NUMBERS = (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE)


def read_xls(raw: RawFile) -> Iterator[Segment]:
    """Give the segments of the rows of each sheet. Hidden sheets are left out."""
    book = _open_workbook(raw.content)
    for sheet in book.sheets():
        if not sheet.visibility:
            yield from read_sheet(sheet.name, partial(_fill, book, sheet))


def _open_workbook(content: bytes) -> Any:
    try:
        return xlrd.open_workbook(
            file_contents=content, logfile=StringIO(), formatting_info=True, ragged_rows=True, use_mmap=False
        )
    except _BROKEN as error:
        raise Unreadable("encrypted" if "encrypted" in str(error) else "damaged") from error


def _fill(book: Any, source: Any, sheet: Worksheet) -> None:
    for row in range(source.nrows):
        for column, cell in enumerate(source.row(row)):
            sheet.add_cell(row + 1, column + 1, _show_cell(book, cell))
    for top, bottom, left, right in source.merged_cells:
        sheet.merge_cells((top + 1, bottom), (left + 1, right))


def _show_cell(book: Any, cell: Any) -> str:
    if cell.ctype in _NUMBERS:
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        return format_number(cell.value, code, since_1904=bool(book.datemode))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    return str(cell.value) if cell.ctype == xlrd.XL_CELL_TEXT else xlrd.error_text_from_code.get(cell.value, "")
