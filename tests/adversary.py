"""This module has texts that are as hard for a regular expression as its own structure allows, and the time it needs
for them.

What makes an expression slow is always a repetition: a part that may take much, where what follows it then fails. So
each repetition is found in the parsed expression, and texts are made of what can stand before it, of what it
repeats many times over, and of something that fails at the end. Runs of every letter, word and pair of letters that
the expression names come along, since two repetitions side by side are slow where both take the same.
"""

import re
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, groupby, islice, product
from pathlib import Path
from re import _constants as kinds
from re import _parser as parser
from typing import Any, TypeAlias

import qa_service

Node: TypeAlias = tuple[Any, Any]
Pattern: TypeAlias = re.Pattern[str] | re.Pattern[bytes]
Attack: TypeAlias = tuple[str, str, str]
"""An `Attack` is what a text begins with, what it repeats, and what it ends with."""
Use: TypeAlias = Callable[[Pattern, Any], object]

REPEATS = (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT)
LETTER_KINDS = (kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN)
STATIC = Path(qa_service.__file__).parent / "web" / "static"
_JAVASCRIPT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<![/\[])`(?:\\.|[^`\\])*`"""
    r"""|(?<=[(,=:!&|?;\s])/(?P<source>(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])*)"""
    r"""/(?P<flags>[gimsuy]*)""",
    re.DOTALL,
)
MANY = 8
"""A repetition that may take fewer than this can't make an expression slow by itself."""
ALTERNATIVES = 4
"""This many examples of one part are made."""
LETTERS = 16
FRAGMENTS = 160
MOST = 400
"""This many texts are made for one expression."""
ENDS = ("", "\x01", "쿠", "\n!")
ORDINARY = "a1 A가\n_."
CATEGORIES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
}
PROPERTIES = {
    r"\p{C}": r"\x00-\x1f\x7f-\x9f\u200b",
    r"\p{Cf}": r"\xad\u200b\u202e\ufeff",
    r"\p{L}": "A-Za-z가",
    r"\p{Z}": r" \xa0\u3000",
}
"""These are JavaScript's classes of letters that Python doesn't know, each with some letters of it."""


class TooSlow(AssertionError):
    """A `TooSlow` says that an expression would not have come to an end while anybody waits."""


def attacks_on(pattern: Pattern) -> list[Attack]:
    """Return the kinds of text against a pattern, the hardest ones first, at most `MOST`."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return attacks(source, pattern.flags & ~re.UNICODE)


def write_text(attack: Attack, size: int) -> str:
    """Return a text of that kind, of about `size` characters."""
    before, pump, after = attack
    return before + pump * max(size // len(pump), 2) + after


@lru_cache
def attacks(source: str, flags: int = 0) -> list[Attack]:
    """Return the kinds of text against one expression, of Python or of JavaScript."""
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # JavaScript lets a [ stand in a class
        tree = parser.parse(read_in_python(source), flags)
    found = dict.fromkeys(attack for attack in _attacks(tree, _letters(tree)) if attack[1])
    return list(islice(found, MOST))


def read_in_python(source: str) -> str:
    """Return an expression of JavaScript as Python can read it."""
    for name, letters in PROPERTIES.items():
        source = source.replace(name, letters)
    return source


def expressions_of_the_page() -> Iterator[tuple[str, str, str]]:
    """Return every regular expression in the page's scripts, as (file, source, flags)."""
    for path in sorted(STATIC.glob("*.js")):
        for found in _JAVASCRIPT.finditer(path.read_text(encoding="utf-8")):
            if found["source"]:
                yield path.name, found["source"], found["flags"]


def _attacks(tree: Sequence[Node], letters: Sequence[str]) -> Iterator[Attack]:
    repetitions = list(_repetitions(tree, ""))
    for before, body in repetitions:
        taken = [letter for letter in letters if _takes(body, letter)]
        refused = [letter for letter in letters if letter not in taken]
        yield from ((before, pump, after) for pump in [*_examples(body), *taken] for after in [*ENDS, *refused[:4]])
    yield from product([""], [before for before, _ in repetitions], ENDS)
    starts = ["", *_examples(tree)]
    fragments = list(dict.fromkeys([*_examples(tree), *_fragments(tree)]))[:FRAGMENTS]
    yield from product(starts[:2], [*letters, *fragments], ENDS[:3])
    yield from (("", first + second, end) for first, second in product(letters, letters) for end in ENDS[:2])


def _repetitions(tree: Iterable[Node], before: str) -> Iterator[tuple[str, Sequence[Node]]]:
    """Return each repetition that may take much: an example of what stands before it, and what it repeats."""
    for node in tree:
        for part in _parts(node):
            yield from _repetitions(part, before)
        kind, value = node
        if kind in REPEATS and value[1] >= MANY:
            yield before, value[2]
        before += next(iter(_examples([node])), "")


def _parts(node: Node) -> list[Sequence[Node]]:
    kind, value = node
    if kind in REPEATS:
        return [value[2]]
    if kind is kinds.BRANCH:
        return list(value[1])
    if kind is kinds.SUBPATTERN:
        return [value[3]]
    if kind is kinds.ATOMIC_GROUP:
        return [value]
    return [value[1]] if kind in (kinds.ASSERT, kinds.ASSERT_NOT) else []


def _examples(tree: Iterable[Node]) -> list[str]:
    """Return a few short texts that the parts in a row might match. Conditions are not looked at."""
    found = [""]
    for node in tree:
        found = [head + tail for head in found for tail in _examples_of(node)][:ALTERNATIVES]
    return [text for text in found if text]


def _examples_of(node: Node) -> list[str]:
    kind, value = node
    if kind in LETTER_KINDS:
        return _members(node)
    if kind in REPEATS:
        return [text * max(value[0], 1) for text in _examples(value[2])] or [""]
    if kind in (kinds.ASSERT, kinds.ASSERT_NOT):
        return [""]
    return [text for part in _parts(node) for text in _examples(part)[:ALTERNATIVES]] or [""]


def _members(node: Node) -> list[str]:
    """Return two letters that one part takes: those it names, or ordinary ones."""
    named = [] if _is_negated(node) else _named([node])
    taken = (letter for letter in chain(named, ORDINARY) if _takes([node], letter))
    return list(islice(taken, 2)) or ["\x02"]


def _is_negated(node: Node) -> bool:
    return node[0] is kinds.NOT_LITERAL or (node[0] is kinds.IN and node[1][0][0] is kinds.NEGATE)


def _takes(body: Sequence[Node], letter: str) -> bool:
    """Tell whether a body is a single part that takes this letter."""
    if len(body) != 1 or body[0][0] not in LETTER_KINDS:
        return False
    items = body[0][1] if body[0][0] is kinds.IN else list(body)
    return any(_is_among(item, letter) for item in items) != _is_negated(body[0])


def _is_among(item: Node, letter: str) -> bool:
    kind, value = item
    if kind is kinds.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    if kind is kinds.CATEGORY:
        return re.match(CATEGORIES[value], letter) is not None
    return kind is kinds.ANY or (kind in (kinds.LITERAL, kinds.NOT_LITERAL) and bool(value == ord(letter)))


def _letters(tree: Iterable[Node]) -> list[str]:
    """Return the letters an expression names, and a few that most others take."""
    return list(dict.fromkeys([*_named(tree), *ORDINARY]))[:LETTERS]


def _named(tree: Iterable[Node]) -> Iterator[str]:
    for node in tree:
        for kind, value in node[1] if node[0] is kinds.IN else [node]:
            if kind in (kinds.LITERAL, kinds.NOT_LITERAL, kinds.RANGE):
                yield chr(value[0] if kind is kinds.RANGE else value)
        for part in _parts(node):
            yield from _named(part)


def _fragments(tree: Iterable[Node]) -> Iterator[str]:
    """Return the words an expression names: letters in a row, and examples of every branch, wherever they stand."""
    rows = groupby(tree, key=lambda node: node[0] is kinds.LITERAL)
    yield from ("".join(chr(value) for _, value in row) for is_literal, row in rows if is_literal)
    for node in tree:
        for part in _parts(node):
            if node[0] is kinds.BRANCH or node[0] in REPEATS:
                yield from _examples(part)[:1]
            yield from _fragments(part)


def seconds(use: Use, pattern: Pattern, text: str) -> float:
    """Return the processor time one use takes."""
    subject = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
    began = time.thread_time()
    use(pattern, subject)
    return time.thread_time() - began


@contextmanager
def patient(patience: float, pattern: Pattern) -> Iterator[None]:
    """Raise `TooSlow` after this many seconds of processor time. Python's engine looks for signals while it matches, so
    an alarm ends a match that would never end."""

    def ring(*_: object) -> None:
        raise TooSlow(f"{pattern.pattern!r:.80} needs more than {patience} s")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, patience)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
