"""This module takes out of a script whatever only people read: its comments, and spaces that separate nothing."""

import re
from collections.abc import Iterator

PART = re.compile(
    r"""(?P<comment>//[^\n]*|/\*[\s\S]*?\*/)"""
    r"""|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<pattern>/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*)"""
    r"""|(?P<word>[\w$#]+)|(?P<space>\s+)|(?P<sign>[^\w\s])"""
)
TEMPLATE_TEXT = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*(?P<end>`|\$\{)", re.DOTALL)
BEFORE_PATTERN = frozenset("(,=:[!&|?{};+-*%<>~^")
"""After one of these signs a slash begins a regular expression; after any other it divides."""
WORDS_BEFORE_PATTERN = frozenset({"return", "typeof", "case", "of", "in", "yield", "await"})
NO_LINE_AFTER = frozenset("{([,;:?=&|")
NO_LINE_BEFORE = frozenset("})].,:?")
"""Where a line ends after the first of these signs or before the others, no statement ends."""


def tighten_script(text: str) -> str:
    """Return a script that does the same with fewer characters. Lines stay apart where one may end a statement."""
    written: list[str] = []
    gap = ""
    for part in split_script(text):
        if part.isspace():
            gap = "\n" if "\n" in gap + part else " "
        else:
            written.append(_separate(written[-1] if written else "", gap, part))
            written.append(part)
            gap = ""
    return "".join(written) + "\n"


def split_script(text: str) -> Iterator[str]:
    """Yield the parts of a script: words, signs, spaces, texts, and regular expressions. A comment is a space, and a
    template is one part up to each place that is filled in, and one after it. Raises `ValueError` where a text has no
    end."""
    at, last = 0, ""
    # The braces that are open now, inside of each template that isn't at its end yet.
    braces = [0]
    while at < len(text):
        if text[at] == "`" or (text[at] == "}" and braces[-1] == 0 and len(braces) > 1):
            part = _match_template(text, at, braces)
        else:
            part = _match_part(text, at, last)
            braces[-1] += (part == "{") - (part == "}")
        at += len(part)
        if part.startswith(("//", "/*")):
            part = "\n" if "\n" in part else " "
        last = last if part.isspace() else part
        yield part
    if len(braces) > 1:
        raise ValueError("a template has no end")


def _match_template(text: str, at: int, braces: list[int]) -> str:
    """Return the text of a template from here, up to its end or to the next place that is filled in."""
    found = TEMPLATE_TEXT.match(text, at + 1)
    if found is None:
        raise ValueError("a template has no end")
    if text[at] == "}":
        braces.pop()
    if found["end"] == "${":
        braces.append(0)
    return text[at : found.end()]


def _match_part(text: str, at: int, last: str) -> str:
    found = PART.match(text, at)
    if found is None:
        raise ValueError("a text has no end")
    if found.lastgroup == "pattern" and not _may_precede_pattern(last):
        return text[at]
    return found[0]


def _may_precede_pattern(last: str) -> bool:
    return not last or last in BEFORE_PATTERN or last in WORDS_BEFORE_PATTERN


def _separate(before: str, gap: str, part: str) -> str:
    """Return what must stand between two parts that had a gap between them."""
    if not before or not gap:
        return ""
    if gap == "\n":
        return "" if before in NO_LINE_AFTER or part in NO_LINE_BEFORE else "\n"
    first, second = before[-1], part[0]
    both_words = _is_word(first) and _is_word(second)
    return " " if both_words or (first == second and first in "+-/") else ""


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter in "_$#"
