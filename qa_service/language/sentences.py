"""This module finds where sentences end, and which of our two languages a text is in."""

import re
from collections.abc import Iterator
from itertools import pairwise

from qa_service.language.stems import JOSA
from qa_service.model import Language

_CLOSERS = "\"'”’)\\]}」』】》〉»*_"
_MARKER = (
    r"(?:[-*+•·▪◦○●■□▶►※☞]\s|\(?(?:\d{1,3}|[가나다라마바사아자차카타파하]|[a-zA-Z])[.)]\s|\d{1,2}(?:\.\d{1,2})+\.?\s"
    r"|[①-⑳]|제\s?\d{1,4}\s?[편장절관조항])"
)
_HEADING = r"\#{1,6}\s"
# `_LINE` matches a heading, a list item or a row of a table, which are sentences of their own. A list item may go on in
# the next line. All repetitions are possessive, so that the time is linear.
_LINE = rf"^[ \t]*+(?:(?P<item>{_MARKER}[^\n|\t]*+)|{_HEADING}[^\n]*+|[^\n|\t]*+[|\t][^\n]*+)\n\s*+"
_END = re.compile(
    rf"(?P<dot>(?<![.!?])[.!?]++[{_CLOSERS}]*+\s++)|[。！？｡]++[{_CLOSERS}]*+\s*+|(?<!…)…++[{_CLOSERS}]*+\s++"
    rf"|\n[ \t\r]*+\n\s*+|\n(?=[ \t]*+(?:{_MARKER}|{_HEADING}))"
    # Somebody has forgotten the space behind the end of a Korean sentence.
    r"|(?<=니다|세요|해요|어요|아요|예요|에요|네요|나요|까요|한다|했다|있다|없다|된다|였다|이다|었다|았다)[.!?](?=[가-힣])"
)
_OWN_LINE = re.compile(_LINE, re.MULTILINE)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘\[])(?=[a-zA-Z])(?:(?i:mr|mrs|ms|dr|prof|st|jr|sr|al|vs|cf|ca|approx|dept|e\.g|i\.e|viz)|[A-HJ-Z](?:\.[A-Z])*)\.$"
)
_NUMBERED = re.compile(
    r"(?:^|[\s(\"'“‘\[])(?=[a-zA-Z])(?i:nos?|figs?|eqs?|sec|ch|vol|pp?|ed|art|para|tel|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$"
)
_ENUMERATOR = re.compile(r"(?:^|\n)[ \t]*\(?(?:\d{1,3}(?:\.\d{1,2})*|[가나다라마바사아자차카타파하]|[a-zA-Z])\.$")
# A number that stands alone between two ends is an enumerator, or a part of a date such as "2026. 3. 5.".
_NUMBER_ALONE = re.compile(r"(?:[.!?。][\s\"'”’)]+|^\s*)\(?\d{1,3}\.$")
_YEAR = re.compile(r"(?:^|\D)\d{4}\.$")
_MONTH = re.compile(r"\d{1,2}\. ?\d{1,2}\.")
# The speaker's words go on behind the quotation that they say.
_SAYING = re.compile(r"(?:이?라[고는며]|하[고며는]|고 )")
_LOOK_BACK = 16
_LONG_ITEM = 50
"""A list item is as long as a line where it has this many letters. A Korean, Chinese or Japanese sign counts for
two."""
_SIGN = re.compile("[가-힣⺀-鿿]")
_PARTICLE = re.compile(f"{JOSA}$")
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_LETTER = re.compile(r"[^\W\d_]")
_KOREAN_SHARE = 0.1
_LOOKED_AT = 4_000


def split_sentences(text: str) -> list[str]:
    """Split a text into its sentences, each with the spaces after it. Joined, they are the text again.

    Headings, list items and rows of tables count as sentences. A text in which no sentence ends is one sentence,
    however long it is.
    """
    cuts = sorted({0, len(text), *_ends(text)})
    return [text[start:end] for start, end in pairwise(cuts)]


def _ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        if match["dot"] is None or not _goes_on(text, match.start(), match.end()):
            yield match.end()
    for match in _OWN_LINE.finditer(text):
        yield match.start()
        if match["item"] is None or not _is_wrapped(match["item"], text[match.end() : match.end() + 1]):
            yield match.end()


def _is_wrapped(item: str, following: str) -> bool:
    """Return whether the line of a list item goes on with the letter that follows: because the letter is a small one,
    or because the line is full or ends with a particle. A heading is short and ends with a noun."""
    if following.islower() or (_SIGN.match(following) and _PARTICLE.search(item)):
        return True
    return len(item) + len(_SIGN.findall(item)) >= _LONG_ITEM and following.isalnum()


def _goes_on(text: str, dot: int, end: int) -> bool:
    before = text[max(0, dot - _LOOK_BACK) : dot + 1]
    if _ABBREVIATION.search(before) or _ENUMERATOR.search(before) or _NUMBER_ALONE.search(before):
        return True
    if text[end : end + 1].isdigit():
        return bool(_NUMBERED.search(before) or (_YEAR.search(before) and _MONTH.match(text, end)))
    return _goes_on_in_lower_case(text, dot, end) or _is_quoted_saying(text, dot, end)


def _goes_on_in_lower_case(text: str, dot: int, end: int) -> bool:
    """Tell whether a small Latin letter follows what only looks like an end, as in "etc. are" and "wait... what"."""
    return "a" <= text[end : end + 1] <= "z" and text[dot - 1 : dot].isascii() and "\n" not in text[dot:end]


def _is_quoted_saying(text: str, dot: int, end: int) -> bool:
    closing = text[dot:end].rstrip()[-1:]
    return closing in '"”’」』' and _SAYING.match(text, end) is not None


def language_of(text: str) -> Language:
    """Return `ko` if at least a tenth of the letters are Hangul, and else `en`.

    A tenth is enough, because Korean questions often have many English terms. Of a long text only the beginning counts.
    """
    beginning = text[:_LOOKED_AT]
    hangul = len(_HANGUL.findall(beginning))
    return "ko" if hangul and hangul >= _KOREAN_SHARE * len(_LETTER.findall(beginning)) else "en"
