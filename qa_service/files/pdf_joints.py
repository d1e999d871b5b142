"""This module finds what stands between two lines of a text: a line end, or nothing where a word goes on in the next
line. English words are divided with a hyphen. Korean, Chinese and Japanese lines may end within a word without any."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

from msgspec import Struct

from qa_service.files.pdf_lines import Piece, ends_like_word, is_sign
from qa_service.language.stems import stem_korean

HYPHENS = "-\u2010\u00ad"
_SOFT = "\u00ad"
_LAST_WORD = re.compile(r"(?<![^\s(\[“\"'])[^\s(\[“\"']++$")
_FIRST_WORD = re.compile(r"^[^\s,.;:!?)\]”\"']+")
_COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]++(?:-[^\W\d_]++)+")
_KOREAN_WORD = re.compile("(?<=[ (])[가-힣]{1,20}(?=[ ,.)])")
_HANGUL = re.compile("[가-힣]")
_HALF = 0.5
_LONG_LINE = 15
"""A line that goes on has at least half of its block's width, and is at least this many letters long."""
_ONE_SIGN = 1.3
"""If more room than this many times its height is free in a line, another sign would have fitted."""
_VERB_ENDS = frozenset(["야", "야만", "며", "고", "면", "서", "다", "니다", "습니다"])
_NO_WORDS = _VERB_ENDS.union(["은", "는", "을", "를", "에서", "에게", "으로"]) - {"고", "면", "서", "다"}
"""None of these is a word by itself."""
_LAST_HANGUL = re.compile("[가-힣]{1,20}$")
_FIRST_HANGUL = re.compile("[가-힣]{1,20}")
_ENDED_WORDS = 0.65
"""Where at least this part of the lines ends like a word, lines end between words. Within words a syllable that could
end one stands at a line's end by chance, in fewer than half of the lines."""
_MOST_WORDS = 50_000

WordEnds: TypeAlias = Literal["all", "some", "with space"]
"""This says how Korean words stand at the ends of a page's lines. `all`: a word ends at the end of each line. `some`:
at the ends of some lines a word is divided. `with space`: a word ends where the file writes a space at the line's end,
and goes on in the next line where it writes none."""


class Vocabulary:
    """A `Vocabulary` remembers words that a file has within its lines: compounds with hyphens, and Korean words."""

    def __init__(self) -> None:
        self._words: set[str] = set()

    def learn(self, pieces: Sequence[Piece]) -> None:
        """Add the words of these pieces, without the first and the last one, which may be parts of words."""
        for piece in pieces:
            if len(self._words) > _MOST_WORDS:
                return
            if "-" in piece.text:
                self._words.update(map(str.lower, _COMPOUND.findall(piece.text)))
            self._words.update(_KOREAN_WORD.findall(piece.text))

    def knows(self, word: str) -> bool:
        """Return whether the file has this word within a line."""
        return word.lower() in self._words


class TextLine(Struct, frozen=True):
    """A `TextLine` is a row of one block, and `piece` is its last piece."""

    text: str
    piece: Piece
    left: float
    is_row: bool
    """It says whether the line is a row of a table, or a table."""

    @property
    def width(self) -> float:
        return self.piece.right - self.left


class BlockHabits(Struct, frozen=True):
    """`BlockHabits` say what is usual in a block."""

    leading: float
    left: float
    right: float
    space: float
    """This is the width of a space in the line that is stretched least to reach both margins."""
    word_ends: WordEnds


def find_habits(lines: Sequence[TextLine], word_ends: WordEnds) -> BlockHabits:
    """Measure what is usual in a block of lines."""
    pairs = [*pairwise(lines)]
    # A table counts as one line, which ends with its last row.
    prose = [pair for pair in pairs if not (pair[0].is_row or pair[1].is_row)]
    leadings = [before.piece.base - line.piece.base for before, line in prose or pairs]
    return BlockHabits(
        median(leadings) if leadings else 0.0,
        min(line.left for line in lines),
        max(line.piece.right for line in lines),
        min((sum(line.piece.spaces) / len(line.piece.spaces) for line in lines if line.piece.spaces), default=0.0),
        word_ends,
    )


def join_words(before: TextLine, line: TextLine, vocabulary: Vocabulary) -> str | None:
    """Return an empty text where a hyphen belongs to the word that goes on, and None where it only divides it."""
    last, first = _LAST_WORD.search(before.text), _FIRST_WORD.search(line.text)
    if not last or not first or last[0][-1] not in HYPHENS or not last[0][:-1]:
        return "\n"
    if last[0][-1] == _SOFT:
        return None
    return "" if _keeps_hyphen(last[0][:-1], first[0], vocabulary) else None


def _keeps_hyphen(start: str, end: str, vocabulary: Vocabulary) -> bool:
    """Return whether the hyphen between the two parts is written within a line, too."""
    letters = end[0].islower() and start[-1].isalpha() and not is_sign(start[-1])
    is_plain = letters and len(start) > 1 and not any(hyphen in start for hyphen in HYPHENS)
    return not is_plain or vocabulary.knows(f"{start}-{end}")


def divides_sign_word(before: TextLine, line: TextLine, habits: BlockHabits, vocabulary: Vocabulary) -> bool:
    """Return whether the line's end divides a word that is written without spaces."""
    if not (_is_long(before, habits) and is_sign(before.text[-1:]) and is_sign(line.text)):
        return False
    if _HANGUL.match(before.text[-1:]) and _HANGUL.match(line.text):
        return habits.word_ends != "all" and _divides_word(before, line, habits, vocabulary)
    return before.text[-1:].isalpha() and line.text[:1].isalpha()


def _divides_word(before: TextLine, line: TextLine, habits: BlockHabits, vocabulary: Vocabulary) -> bool:
    if before.piece.ends_with_space or habits.word_ends == "with space":
        return not before.piece.ends_with_space
    return _seems_divided(before, line, vocabulary)


def _seems_divided(before: TextLine, line: TextLine, vocabulary: Vocabulary) -> bool:
    word, rest = _LAST_HANGUL.search(before.text), _FIRST_HANGUL.match(line.text)
    if not word or not rest:
        return False
    if vocabulary.knows(word[0] + rest[0]):
        return True
    if vocabulary.knows(word[0]) and vocabulary.knows(rest[0]):
        return False
    if not ends_like_word(before.text):
        return True
    # What follows may still be a particle of the word before, such as 은 behind 임차인, or the end of a verb.
    return rest[0] in _VERB_ENDS or len(stem_korean(word[0] + rest[0])) <= len(word[0])


def _is_long(line: TextLine, habits: BlockHabits) -> bool:
    return line.piece.units >= _LONG_LINE and line.width >= _HALF * (habits.right - habits.left)


def find_word_ends(blocks: Sequence[Sequence[TextLine]], vocabulary: Vocabulary) -> WordEnds:
    """Tell how Korean words end at the ends of this page's lines.

    Where most ends of words have a space, all have one. Otherwise some lines end within words if any line begins with
    what is no word. If none does, all lines end between words where another sign would have fitted into one of them,
    but the next word wouldn't, and also where most of them end like words.
    """
    if not any(line.piece.spaces for block in blocks for line in block):
        return "all"
    pairs = [(habits, *pair) for block in blocks for habits, pair in _korean_pairs(block)]
    spaced = sum(before.piece.ends_with_space for _, before, _ in pairs)
    if spaced:
        whole = sum(not _seems_divided(before, line, vocabulary) for _, before, line in pairs)
        return "with space" if spaced * 2 >= whole else "some"
    ended = sum(ends_like_word(before.text) for _, before, _ in pairs)
    if any(_begins_within_word(line) for _, _, line in pairs):
        return "some"
    is_all = ended >= _ENDED_WORDS * len(pairs) or any(_is_cut_between_words(*pair) for pair in pairs)
    return "all" if is_all else "some"


def _begins_within_word(line: TextLine) -> bool:
    first = _FIRST_HANGUL.match(line.text)
    return bool(first and first[0] in _NO_WORDS)


def _korean_pairs(block: Sequence[TextLine]) -> Iterator[tuple[BlockHabits, tuple[TextLine, TextLine]]]:
    """Give the neighbouring lines of which the first is long, and between which there are two syllables."""
    habits = find_habits(block, "all")
    for before, line in pairwise(block):
        if _is_long(before, habits) and _HANGUL.match(before.text[-1:]) and _HANGUL.match(line.text):
            yield habits, (before, line)


def _is_cut_between_words(habits: BlockHabits, before: TextLine, line: TextLine) -> bool:
    # A line that was stretched to both margins has its free room in its spaces.
    free = habits.right - before.piece.right + sum(before.piece.spaces) - habits.space * len(before.piece.spaces)
    return _ONE_SIGN * before.piece.height < free < line.piece.first_word + habits.space
