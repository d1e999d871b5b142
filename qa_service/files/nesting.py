"""This module tells pages that parsers of HTML would take minutes and gigabytes for, before one of them is parsed.

Two things take more than linear time. A parser walks up through the elements that are open at nearly each tag. And at
each new block it opens all elements again that only say how letters look and that nobody has closed, such as `<b>`, so
that a page of a hundred kilobytes becomes millions of elements. What both take is estimated here from the tags alone.
"""

import re
from collections import Counter, defaultdict

MOST_STEPS = 500_000_000
"""A parser takes a second or two to walk through this many open elements."""
MOST_COPIES = 5_000_000
"""This many elements take some hundred megabytes."""
MOST_ALIKE = 3
"""Parsers open no more elements again that are alike to the last attribute."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]{0,200})")
_FORMATTING = {"b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"}
# These have no content, or are closed by the next one of their kind.
_SHORT = re.compile(
    "a|area|base|body|br|col|colgroup|dd|dt|embed|head|hr|html|img|input|li|link|meta|nobr|optgroup|option|p|param|"
    "source|tbody|td|tfoot|th|thead|tr|track|wbr"
)


def is_overnested(html: str) -> bool:
    """Tell whether parsing this page would take far more than pages take."""
    others, formatting = Counter[str](), defaultdict[str, list[str]](list)
    steps = copies = 0
    for tag in _TAG.finditer(html):
        slash, name, attributes = tag[1], tag[2].lower(), tag[3]
        if name in _FORMATTING:
            _note_formatting(formatting[name], attributes, is_end=bool(slash))
        elif not _SHORT.fullmatch(name):
            others[name] = max(0, others[name] + (-1 if slash else 1))
        steps += others.total()
        copies += sum(map(len, formatting.values()))
        if steps > MOST_STEPS or copies > MOST_COPIES:
            return True
    return False


def _note_formatting(opened: list[str], attributes: str, *, is_end: bool) -> None:
    if is_end:
        del opened[-1:]
    elif opened.count(attributes) < MOST_ALIKE:
        opened.append(attributes)
