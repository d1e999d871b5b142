"""This module says where in its file a passage stands, in words and by an address."""

from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

from qa_service.model import Language, Passage, Place

RowRange: TypeAlias = tuple[int, int]
"""These are the first and the last one of some rows, which are counted from 1."""

_LABEL = {"ko": "{}쪽", "en": "p. {}"}
_PAGE = {"ko": "{}쪽", "en": "page {}"}
_SLIDE = {"ko": "슬라이드 {}", "en": "slide {}"}
_SHEET = {"ko": "시트 {}", "en": "sheet {}"}
_ROW = {"ko": "{}행", "en": "row {}"}
_ROWS = {"ko": "{}–{}행", "en": "rows {}–{}"}


def locate_pages(passage: Passage, session_id: str) -> str:
    """Return the path, relative to the prefix, below which the pages of the passage's file stand by their numbers."""
    place = "documents" if passage.in_knowledge else f"sessions/{session_id}/files"
    return f"{place}/{passage.file_id}/pages"


def describe_page(number: int, language: Language) -> str:
    """Return the words for the page with this number, such as `page 3`."""
    return _PAGE[language].format(number)


def describe_section(passage: Passage, language: Language, rows: RowRange | None = None) -> str:
    """Return the words for all that the number of its page doesn't say, such as `시트 가격, 12행`. They are empty where
    nothing more is known. `rows` are some of the passage's rows, and take their place."""
    return ", ".join(_list_words(passage.place, passage.section, rows or passage.place.rows, language))


def find_rows(passage: Passage, quotes: Iterator[str]) -> RowRange | None:
    """Return the range of those rows of a passage that these quotes come from. It is None where the passage has no
    rows, or where it can't be told which lines they are."""
    lines = [line for line in passage.text.splitlines() if line.strip()]
    if passage.place.rows is None or len(lines) != 1 + passage.place.rows[1] - passage.place.rows[0]:
        return None
    found = [n for quote in quotes for n, line in enumerate(lines, passage.place.rows[0]) if quote and quote in line]
    return (min(found), max(found)) if found else None


def _list_words(place: Place, section: str, rows: RowRange | None, language: Language) -> Iterator[str]:
    texts = ((_LABEL, place.label), (_PAGE, 0 if place.label or place.slide else place.page), (_SLIDE, place.slide))
    named = (words[language].format(text) for words, text in chain(texts, [(_SHEET, place.sheet)]) if text)
    yield from filter(None, [place.part, *named])
    if rows:
        yield (_ROW if rows[0] == rows[1] else _ROWS)[language].format(*rows)
    if section and section != place.sheet:
        yield section
