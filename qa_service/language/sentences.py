"""Where sentences end, and which of our two languages a text is in."""

import re
from collections.abc import Iterator
from itertools import pairwise

from qa_service.model import Language

_CLOSERS = "\"'”’)\\]}」』】》〉»"
_MARKER = (
    r"(?:[-*+•·▪◦○●■□▶►※☞]\s|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]\s|\d{1,2}(?:\.\d{1,2})+\.?\s"
    r"|[①-⑳]|\#{1,6}\s|제\s?\d{1,4}\s?[편장절관조항])"
)
# A heading, a list item or a row of a table stands on a line of its own. All repetitions are possessive, which keeps
# the time linear.
_LINE = rf"^[ \t]*+(?:{_MARKER}[^\n]*+|[^\n|\t]*+[|\t][^\n]*+)\n\s*+"
_END = re.compile(
    rf"(?P<dot>(?<![.!?])[.!?]++[{_CLOSERS}]*+\s++)|[。！？｡]++[{_CLOSERS}]*+\s*+|(?<!…)…++[{_CLOSERS}]*+\s++"
    rf"|\n[ \t\r]*+\n\s*+|\n(?=[ \t]*+{_MARKER})"
)
_OWN_LINE = re.compile(_LINE, re.MULTILINE)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘\[])(?=[a-zA-Z])(?:(?i:mr|mrs|ms|dr|prof|st|jr|sr|al|vs|cf|ca|approx|dept|e\.g|i\.e|viz)|[A-HJ-Z](?:\.[A-Z])*)\.$"
)
_NUMBERED = re.compile(
    r"(?:^|[\s(\"'“‘\[])(?=[a-zA-Z])(?i:nos?|figs?|eqs?|sec|ch|vol|pp?|ed|art|para|tel|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$"
)
_ENUMERATOR = re.compile(r"(?:^|\n)[ \t]*\(?(?:\d{1,3}(?:\.\d{1,2})*|[가나다라마바사아자차카타파하]|[a-zA-Z])\.$")
_LOOK_BACK = 16
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_LETTER = re.compile(r"[^\W\d_]")
_KOREAN_SHARE = 0.1
_LOOKED_AT = 4_000


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with the space behind it. Joined, they are the text again.

    Headings, list items and rows of tables count as sentences. A text without any end is one sentence, however long.
    """
    cuts = sorted({0, len(text), *_ends(text)})
    return [text[start:end] for start, end in pairwise(cuts)]


def _ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        if match["dot"] is None or not _goes_on(text, match.start(), match.end()):
            yield match.end()
    for match in _OWN_LINE.finditer(text):
        yield match.start()
        yield match.end()


def _goes_on(text: str, dot: int, end: int) -> bool:
    before = text[max(0, dot - _LOOK_BACK) : dot + 1]
    if _ABBREVIATION.search(before) or _ENUMERATOR.search(before):
        return True
    return bool(text[end : end + 1].isdigit() and _NUMBERED.search(before))


def language_of(text: str) -> Language:
    """Korean if at least a tenth of the letters are Hangul, else English.

    Korean questions are full of English terms. Of a long text the beginning decides.
    """
    beginning = text[:_LOOKED_AT]
    hangul = len(_HANGUL.findall(beginning))
    return "ko" if hangul and hangul >= _KOREAN_SHARE * len(_LETTER.findall(beginning)) else "en"
