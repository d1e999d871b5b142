"""This module finds the place that a citation names in the text that upstream has written.

OpenAI counts characters, which are Unicode code points in all recordings, and the place is the link by which the text
cites. Servers of the same API also count UTF-16 code units, as JavaScript does, or bytes of UTF-8. All three agree in
ASCII. Elsewhere the one whose place is a link decides; where none is, code points do.
"""

import re
from typing import TypeAlias

from qa_service.upstream.marks import SIGNS

Span: TypeAlias = tuple[int, int]

_UNITS = (("utf-16-le", 2), ("utf-8", 1))
_LINK = re.compile(r"\(?\[[^\n]{1,600}\]\([^\s]{1,4200}\)\)?|https?://[^\s()]{1,4100}")
# A claim ends before or behind one of these, or where a mark was.
_CLAIM_END = re.compile(rf"(?<=[.!?。！？\n])|(?=[.!?。！？,;:)\n{''.join(SIGNS)}]|\s*\Z)")


def locate_span(text: str, start: int, end: int) -> Span | None:
    """Return the place in code points. It is None where the place is empty, or outside of the text."""
    if not 0 <= start < end:
        return None
    named = (start, end) if end <= len(text) else None
    if text.isascii() or (named and _LINK.fullmatch(text, *named)):
        return named
    others = (_count_points(text, start, end, *unit) for unit in _UNITS)
    return next((place for place in others if place and _LINK.fullmatch(text, *place)), named)


def locate_end(text: str, index: int) -> Span | None:
    """Return the place of a citation that has only an index: the end of a claim.

    Some servers number the files there instead. So an index at which no claim ends is no place.
    """
    return (index, index) if 0 < index <= len(text) and _CLAIM_END.match(text, index) else None


def _count_points(text: str, start: int, end: int, encoding: str, width: int) -> Span | None:
    encoded = text.encode(encoding)[: end * width]
    if len(encoded) < end * width:
        return None
    return len(encoded[: start * width].decode(encoding, "ignore")), len(encoded.decode(encoding, "ignore"))
