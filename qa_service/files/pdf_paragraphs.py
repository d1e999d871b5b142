"""This module joins the lines of a page to text: lines of a paragraph follow each other after one line end, and
paragraphs after two. A word that a line's end divides is made whole again."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from qa_service.files.pdf_joints import (
    HYPHENS,
    BlockHabits,
    TextLine,
    Vocabulary,
    divides_sign_word,
    find_habits,
    find_word_ends,
    join_words,
)
from qa_service.files.pdf_lines import Piece, gather_rows, is_sign
from qa_service.files.pdf_tables import find_tables
from qa_service.files.tables import resemble_names, write_table

_WIDE_GAP = 2.0
"""Cells of a table stand at least this many heights of a line apart. A tab stands between them in the text."""
_SAME_EDGE = 2.0
"""Cells begin below each other where their left edges differ by less than this many points."""
_WIDER_LEADING = 1.35
"""A new paragraph begins where two lines are this many times as far from each other as usual."""
_FAR_LEADING = 2.2
_OTHER_SIZE = 1.25
_FULL = 0.75
_SENTENCE_END = re.compile(r"[.!?。！？:：]['\"”’」』)\]]*$")
_MARKED = re.compile(
    r"(?:[-*+•·▪◦○●■□▶►※☞–]\s|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]\s|[①-⑳]|제\s?\d{1,4}\s?[편장절관조항])"
)
_LABEL = re.compile(r"[-*+•·▪◦○●■□▶►※☞–①-⑳]|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]")


def write_blocks(blocks: Sequence[Sequence[Piece]], vocabulary: Vocabulary) -> str:
    """Write the text of the blocks, which are in reading order."""
    for block in blocks:
        vocabulary.learn(block)
    lines = [_make_lines(block) for block in blocks]
    word_ends = find_word_ends(lines, vocabulary)
    parts: list[str] = []
    last: TextLine | None = None
    for block_lines in lines:
        if last:
            _append_between(parts, _between_blocks(last, block_lines[0], vocabulary))
        _append_lines(parts, block_lines, find_habits(block_lines, word_ends), vocabulary)
        last = block_lines[-1]
    return "".join(parts)


def _append_lines(parts: list[str], lines: Sequence[TextLine], habits: BlockHabits, vocabulary: Vocabulary) -> None:
    parts.append(lines[0].text)
    for before, line in pairwise(lines):
        _append_between(parts, _between_lines(before, line, habits, vocabulary))
        parts.append(line.text)


def _append_between(parts: list[str], between: str | None) -> None:
    """Append what stands between two lines. Where that is None, the hyphen at the end of the first line goes."""
    if between is None:
        parts[-1] = parts[-1].rstrip(HYPHENS)
    else:
        parts.append(between)


def _make_lines(block: Sequence[Piece]) -> list[TextLine]:
    rows = [_join_label(sorted(row, key=lambda piece: piece.left)) for row in gather_rows(block)]
    edges = Counter(_edge(piece) for row in rows for piece in row[1:])
    lines: list[TextLine] = []
    done = 0
    for start, end, grid in find_tables(rows):
        lines += [_make_line(row, edges) for row in rows[done:start]]
        text = "\n".join(line for _, line in write_table(grid, resemble_names))
        lines.append(TextLine(text, rows[end - 1][-1], rows[start][0].left, is_row=True))
        done = end
    return lines + [_make_line(row, edges) for row in rows[done:]]


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


def _make_line(row: list[Piece], edges: Counter[int]) -> TextLine:
    """Make a line of a row. Pieces stand in cells of a table where a wide gap is before them, or where pieces of other
    rows begin below each other with them."""
    text, is_row = row[0].text, False
    for before, piece in pairwise(row):
        is_cell = piece.left - before.right > _WIDE_GAP * piece.height or edges[_edge(piece)] > 1
        text += ("\t" if is_cell else " ") + piece.text
        is_row = is_row or is_cell
    return TextLine(text, row[-1], row[0].left, is_row)


def _between_blocks(before: TextLine, line: TextLine, vocabulary: Vocabulary) -> str | None:
    """Return what stands between two blocks. A sentence may go on from one column to the next."""
    is_open = not _SENTENCE_END.search(before.text) and not before.is_row and not line.is_row
    if not is_open or not _continues(line.text):
        return "\n\n"
    return join_words(before, line, vocabulary)


def _continues(text: str) -> bool:
    # Behind a sentence that goes on, 다 isn't the letter of an item, but the end of a verb.
    return (text[:1].islower() or is_sign(text)) and (text.startswith("다.") or not _MARKED.match(text))


def _between_lines(before: TextLine, line: TextLine, habits: BlockHabits, vocabulary: Vocabulary) -> str | None:
    is_row = before.is_row or line.is_row
    leading = before.piece.base - line.piece.base
    heights = sorted((before.piece.height, line.piece.height))
    is_apart = leading > _WIDER_LEADING * habits.leading or (heights[1] > _OTHER_SIZE * heights[0] and not is_row)
    is_far = leading > _FAR_LEADING * habits.leading
    if is_far or (is_apart and (is_row or not _is_open(before, line, habits))):
        return "\n\n"
    if is_row:
        return "\n"
    if divides_sign_word(before, line, habits, vocabulary) and _continues(line.text):
        return ""
    return join_words(before, line, vocabulary)


def _is_open(before: TextLine, line: TextLine, habits: BlockHabits) -> bool:
    """Return whether the first line is full and ends within a sentence. Lines in several scripts or with formulas are
    unevenly far from each other."""
    is_full = before.width >= _FULL * (habits.right - habits.left)
    return is_full and not _SENTENCE_END.search(before.text) and _continues(line.text)
