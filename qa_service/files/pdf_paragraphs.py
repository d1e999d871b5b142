"""This module joins the lines of a page to text: lines of a paragraph follow each other after one line end, and
paragraphs after two. A word that a line's end divides is made whole again."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from qa_service.files.pdf_lines import Piece, ends_like_word, is_sign
from qa_service.files.pdf_tables import find_tables
from qa_service.files.tables import resemble_names, write_table
from qa_service.language.stems import stem_korean

_WIDE_GAP = 2.0
"""Cells of a table stand at least so many heights of a line apart. A tab stands between them in the text."""
_SAME_ROW = 0.3
_SAME_EDGE = 2.0
"""Cells begin below each other where their left edges differ by less than so many points."""
_WIDER_LEADING = 1.35
"""A new paragraph begins where two lines are so many times as far from each other as usual."""
_FAR_LEADING = 2.2
_OTHER_SIZE = 1.25
_FULL = 0.75
_HYPHENS = "-\u2010\u00ad"
_SOFT = "\u00ad"
_LAST_WORD = re.compile(r"(?<![^\s(\[“\"'])[^\s(\[“\"']++$")
_FIRST_WORD = re.compile(r"^[^\s,.;:!?)\]”\"']+")
_COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]++(?:-[^\W\d_]++)+")
_SENTENCE_END = re.compile(r"[.!?。！？:：]['\"”’」』)\]]*$")
_MARKED = re.compile(
    r"(?:[-*+•·▪◦○●■□▶►※☞–]\s|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]\s|[①-⑳]|제\s?\d{1,4}\s?[편장절관조항])"
)
_LABEL = re.compile(r"[-*+•·▪◦○●■□▶►※☞–①-⑳]|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]")
_HANGUL = re.compile("[가-힣]")
_HALF = 0.5
_LONG_LINE = 15
"""A line that goes on has at least half of its block's width, and is at least so many letters long."""
_ONE_SIGN = 1.3
"""Another sign would have fitted into a line if so many heights of it are free."""
_VERB_ENDS = frozenset(["야", "야만", "며", "고", "면", "서", "다", "니다", "습니다"])
_NO_WORDS = _VERB_ENDS.union(["은", "는", "을", "를", "에서", "에게", "으로"]) - {"고", "면", "서", "다"}
"""No word is one of these alone."""
_LAST_HANGUL = re.compile("[가-힣]{1,20}$")
_FIRST_HANGUL = re.compile("[가-힣]{1,20}")
_ENDED_WORDS = 0.65
"""Where at least this part of the lines ends like a word, lines end between words. Within words a syllable that could
end one stands at a line's end by chance, in fewer than half of the lines."""
_MOST_COMPOUNDS = 10_000


WordEnds: TypeAlias = Literal["all", "some", "with space"]
"""Korean words end at the ends of `all` lines, or of `some` lines; or they end where the file writes a space there, and
else go on in the next line."""


class Vocabulary:
    """A `Vocabulary` remembers the compounds with hyphens that a file has within its lines."""

    def __init__(self) -> None:
        self._compounds: set[str] = set()

    def learn(self, pieces: Sequence[Piece]) -> None:
        """Add the compounds of these pieces."""
        for piece in pieces:
            if "-" in piece.text and len(self._compounds) < _MOST_COMPOUNDS:
                self._compounds.update(map(str.lower, _COMPOUND.findall(piece.text)))

    def knows(self, compound: str) -> bool:
        """Return whether the file has this compound within a line."""
        return compound.lower() in self._compounds


class _Line(Struct, frozen=True):
    """A `_Line` is a row of one block, and `piece` is its last piece."""

    text: str
    piece: Piece
    left: float
    is_row: bool
    """It says whether the line is a row of a table, or a table."""

    @property
    def width(self) -> float:
        return self.piece.right - self.left


class _Habits(Struct, frozen=True):
    """`_Habits` say what is usual in a block."""

    leading: float
    left: float
    right: float
    space: float
    """So wide is a space in the line that is spread least."""
    word_ends: WordEnds


def write_blocks(blocks: Sequence[Sequence[Piece]], vocabulary: Vocabulary) -> str:
    """Write the text of the blocks, which are in reading order."""
    for block in blocks:
        vocabulary.learn(block)
    lines = [_make_lines(block) for block in blocks]
    word_ends = _find_word_ends(lines)
    parts: list[str] = []
    last: _Line | None = None
    for block_lines in lines:
        if last:
            _append_between(parts, _between_blocks(last, block_lines[0], vocabulary))
        _append_lines(parts, block_lines, _find_habits(block_lines, word_ends), vocabulary)
        last = block_lines[-1]
    return "".join(parts)


def _append_lines(parts: list[str], lines: Sequence[_Line], habits: _Habits, vocabulary: Vocabulary) -> None:
    parts.append(lines[0].text)
    for before, line in pairwise(lines):
        _append_between(parts, _between_lines(before, line, habits, vocabulary))
        parts.append(line.text)


def _append_between(parts: list[str], between: str | None) -> None:
    """Append what stands between two lines. Where that is None, the hyphen at the end of the first line goes."""
    if between is None:
        parts[-1] = parts[-1].rstrip(_HYPHENS)
    else:
        parts.append(between)


def _make_lines(block: Sequence[Piece]) -> list[_Line]:
    rows = [_join_label(sorted(row, key=lambda piece: piece.left)) for row in _rows(block)]
    edges = Counter(_edge(piece) for row in rows for piece in row[1:])
    lines: list[_Line] = []
    done = 0
    for start, end, grid in find_tables(rows):
        lines += [_make_line(row, edges) for row in rows[done:start]]
        text = "\n".join(line for _, line in write_table(grid, resemble_names))
        lines.append(_Line(text, rows[end - 1][-1], rows[start][0].left, is_row=True))
        done = end
    return lines + [_make_line(row, edges) for row in rows[done:]]


def _rows(block: Sequence[Piece]) -> Iterator[list[Piece]]:
    row: list[Piece] = []
    for piece in sorted(block, key=lambda piece: -piece.base):
        if row and row[0].base - piece.base > _SAME_ROW * min(row[0].height, piece.height):
            yield row
            row = []
        row.append(piece)
    yield row


def _join_label(row: list[Piece]) -> list[Piece]:
    """Join the number or the bullet of a list's item with the item, since they are no cells of a table."""
    first = row[0]
    if first.parts and _LABEL.fullmatch(first.parts[0].text):
        return [replace(first, parts=()), *row[1:]]
    if len(row) == 1 or not _LABEL.fullmatch(first.text):
        return row
    item = row[1]
    return [replace(item, text=f"{first.text} {item.text}", left=first.left, parts=()), *row[2:]]


def _edge(piece: Piece) -> int:
    return round(piece.left / _SAME_EDGE)


def _make_line(row: list[Piece], edges: Counter[int]) -> _Line:
    """Make a line of a row. Pieces stand in cells of a table where a wide gap is before them, or where pieces of other
    rows begin below each other with them."""
    text, is_row = row[0].text, False
    for before, piece in pairwise(row):
        is_cell = piece.left - before.right > _WIDE_GAP * piece.height or edges[_edge(piece)] > 1
        text += ("\t" if is_cell else " ") + piece.text
        is_row = is_row or is_cell
    return _Line(text, row[-1], row[0].left, is_row)


def _find_habits(lines: Sequence[_Line], word_ends: WordEnds) -> _Habits:
    pairs = [*pairwise(lines)]
    # A table counts as one line, which ends with its last row.
    prose = [pair for pair in pairs if not (pair[0].is_row or pair[1].is_row)]
    leadings = [before.piece.base - line.piece.base for before, line in prose or pairs]
    return _Habits(
        median(leadings) if leadings else 0.0,
        min(line.left for line in lines),
        max(line.piece.right for line in lines),
        min((sum(line.piece.spaces) / len(line.piece.spaces) for line in lines if line.piece.spaces), default=0.0),
        word_ends,
    )


def _between_blocks(before: _Line, line: _Line, vocabulary: Vocabulary) -> str | None:
    """Return what stands between two blocks. A sentence may go on from one column to the next."""
    is_open = not _SENTENCE_END.search(before.text) and not before.is_row and not line.is_row
    if not is_open or not _continues(line.text):
        return "\n\n"
    return _between_words(before, line, vocabulary)


def _continues(text: str) -> bool:
    # Behind a sentence that goes on, 다 isn't the letter of an item, but the end of a verb.
    return (text[:1].islower() or is_sign(text)) and (text.startswith("다.") or not _MARKED.match(text))


def _between_lines(before: _Line, line: _Line, habits: _Habits, vocabulary: Vocabulary) -> str | None:
    is_row = before.is_row or line.is_row
    leading = before.piece.base - line.piece.base
    heights = sorted((before.piece.height, line.piece.height))
    is_apart = leading > _WIDER_LEADING * habits.leading or (heights[1] > _OTHER_SIZE * heights[0] and not is_row)
    is_far = leading > _FAR_LEADING * habits.leading
    if is_far or (is_apart and (is_row or not _is_open(before, line, habits))):
        return "\n\n"
    if is_row:
        return "\n"
    if _goes_on_with_sign(before, line, habits) and _continues(line.text):
        return ""
    return _between_words(before, line, vocabulary)


def _is_open(before: _Line, line: _Line, habits: _Habits) -> bool:
    """Return whether the first line is full and ends within a sentence. Lines in several scripts or with formulas are
    unevenly far from each other."""
    is_full = before.width >= _FULL * (habits.right - habits.left)
    return is_full and not _SENTENCE_END.search(before.text) and _continues(line.text)


def _between_words(before: _Line, line: _Line, vocabulary: Vocabulary) -> str | None:
    """Return an empty text where a hyphen belongs to the word that goes on, and None where it only divides it."""
    last, first = _LAST_WORD.search(before.text), _FIRST_WORD.search(line.text)
    if not last or not first or last[0][-1] not in _HYPHENS or not last[0][:-1]:
        return "\n"
    if last[0][-1] == _SOFT:
        return None
    return "" if _keeps_hyphen(last[0][:-1], first[0], vocabulary) else None


def _keeps_hyphen(start: str, end: str, vocabulary: Vocabulary) -> bool:
    """Return whether the hyphen between the two parts is written within a line, too."""
    letters = end[0].islower() and start[-1].isalpha() and not is_sign(start[-1])
    is_plain = letters and len(start) > 1 and not any(hyphen in start for hyphen in _HYPHENS)
    return not is_plain or vocabulary.knows(f"{start}-{end}")


def _goes_on_with_sign(before: _Line, line: _Line, habits: _Habits) -> bool:
    """Return whether the line's end divides a word that is written without spaces."""
    if not (_is_long(before, habits) and is_sign(before.text[-1:]) and is_sign(line.text)):
        return False
    if _HANGUL.match(before.text[-1:]) and _HANGUL.match(line.text):
        return habits.word_ends != "all" and _divides_word(before, line, habits)
    return before.text[-1:].isalpha() and line.text[:1].isalpha()


def _divides_word(before: _Line, line: _Line, habits: _Habits) -> bool:
    if before.piece.ends_with_space or habits.word_ends == "with space":
        return not before.piece.ends_with_space
    return _seems_divided(before, line)


def _seems_divided(before: _Line, line: _Line) -> bool:
    if not ends_like_word(before.text):
        return True
    # What follows may still be a particle of the word before, such as 은 behind 임차인, or the end of a verb.
    word, rest = _LAST_HANGUL.search(before.text), _FIRST_HANGUL.match(line.text)
    if not word or not rest:
        return False
    return rest[0] in _VERB_ENDS or len(stem_korean(word[0] + rest[0])) <= len(word[0])


def _is_long(line: _Line, habits: _Habits) -> bool:
    return line.piece.units >= _LONG_LINE and line.width >= _HALF * (habits.right - habits.left)


def _find_word_ends(blocks: Sequence[Sequence[_Line]]) -> WordEnds:
    """Tell how Korean words end at the ends of this page's lines.

    Where most ends of words have a space, all have one. Some lines end within words if a line begins with what is no
    word. Else lines end between words if another sign would have fitted into one, but the next word wouldn't, and also
    if most of them end like words.
    """
    if not any(line.piece.spaces for block in blocks for line in block):
        return "all"
    pairs = [(habits, *pair) for block in blocks for habits, pair in _korean_pairs(block)]
    spaced = sum(before.piece.ends_with_space for _, before, _ in pairs)
    if spaced:
        whole = sum(not _seems_divided(before, line) for _, before, line in pairs)
        return "with space" if spaced * 2 >= whole else "some"
    ended = sum(ends_like_word(before.text) for _, before, _ in pairs)
    if any(_begins_within_word(line) for _, _, line in pairs):
        return "some"
    is_all = ended >= _ENDED_WORDS * len(pairs) or any(_is_cut_between_words(*pair) for pair in pairs)
    return "all" if is_all else "some"


def _begins_within_word(line: _Line) -> bool:
    first = _FIRST_HANGUL.match(line.text)
    return bool(first and first[0] in _NO_WORDS)


def _korean_pairs(block: Sequence[_Line]) -> Iterator[tuple[_Habits, tuple[_Line, _Line]]]:
    """Give the neighbouring lines of which the first is long, and between which there are two syllables."""
    habits = _find_habits(block, "all")
    for before, line in pairwise(block):
        if _is_long(before, habits) and _HANGUL.match(before.text[-1:]) and _HANGUL.match(line.text):
            yield habits, (before, line)


def _is_cut_between_words(habits: _Habits, before: _Line, line: _Line) -> bool:
    # A line that is spread to the margin has its free room in its spaces.
    free = habits.right - before.piece.right + sum(before.piece.spaces) - habits.space * len(before.piece.spaces)
    return _ONE_SIGN * before.piece.height < free < line.piece.first_word + habits.space
