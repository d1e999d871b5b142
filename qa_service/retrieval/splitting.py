"""Cuts a page into passages small enough to cite, at the ends of its sentences.

Passages partition the text: joined, they are the page again, so a store keeps passages alone. They come
out about equally long, since a short one ranks above its worth.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from qa_service.language.sentences import split_sentences

LONGEST = 900
"""The most characters of a passage."""
TYPICAL = 700
PARAGRAPH_WORTH = 120
"""How many characters off the even length a cut may be for the sake of a paragraph's end."""

_TAIL = 8
_BYTES_PER_TOKEN = 3


def estimated_tokens(text: str) -> int:
    """A third of the UTF-8 bytes, rounded up: over the truth for Korean and English prose, under it only for
    text that is no language, such as base64."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def split_passages(text: str) -> list[str]:
    """The passages of a page, each at most 900 characters and, where the page is longer, mostly over 400."""
    ends = list(accumulate(len(part) for sentence in split_sentences(text) for part in _short(sentence)))
    passages, start = [], 0
    while len(text) - start > LONGEST:
        end = _best_cut(text, start, ends)
        passages.append(text[start:end])
        start = end
    return [*passages, text[start:]] if start < len(text) else passages


def _best_cut(text: str, start: int, ends: list[int]) -> int:
    rest = len(text) - start
    ideal = start + rest / -(-rest // TYPICAL)

    def badness(end: int) -> float:
        worth = PARAGRAPH_WORTH if _ends_line(text[max(start, end - _TAIL) : end]) else 0
        return abs(end - ideal) - worth

    return min(ends[bisect_right(ends, start) : bisect_right(ends, start + LONGEST)], key=badness)


def _ends_line(tail: str) -> bool:
    return "\n" in tail[len(tail.rstrip()) :]


def _short(sentence: str) -> Iterator[str]:
    """The sentence, or where it is longer than a passage may be, pieces of it that end with a word if they can."""
    start = 0
    while len(sentence) - start > LONGEST:
        space = max(sentence.rfind(sign, start + LONGEST // 2, start + LONGEST) for sign in " \n\t")
        end = space + 1 if space >= 0 else start + LONGEST
        yield sentence[start:end]
        start = end
    yield sentence[start:]
