"""This module cuts a page into passages that are small enough to cite, at the ends of sentences.

Joined, the passages are the page again, so a store keeps nothing but passages. They come out about equally long, since
a short one would rank above its worth.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from qa_service.language.sentences import split_sentences

LONGEST = 900
"""How many characters a passage has at most."""
TYPICAL = 700
PARAGRAPH_WORTH = 120
"""How many characters a cut may be away from the even length in order to stand at the end of a line."""

_TAIL = 8
_BYTES_PER_TOKEN = 3


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens as a third of its UTF-8 bytes, rounded up.

    That is more than a model counts for Korean and English prose. It is less only for text that is no language, such as
    base64.
    """
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def split_passages(text: str) -> list[str]:
    """Split a page into passages. Each has at most 900 characters, and mostly over 400 where the page is longer."""
    ends = list(accumulate(len(part) for sentence in split_sentences(text) for part in _cut_sentence(sentence)))
    passages, start = [], 0
    while len(text) - start > LONGEST:
        end = _choose_cut(text, start, ends)
        passages.append(text[start:end])
        start = end
    return [*passages, text[start:]] if start < len(text) else passages


def _choose_cut(text: str, start: int, ends: list[int]) -> int:
    rest = len(text) - start
    ideal = start + rest / -(-rest // TYPICAL)

    def badness(end: int) -> float:
        worth = PARAGRAPH_WORTH if _ends_line(text[max(start, end - _TAIL) : end]) else 0
        return abs(end - ideal) - worth

    return min(ends[bisect_right(ends, start) : bisect_right(ends, start + LONGEST)], key=badness)


def _ends_line(tail: str) -> bool:
    return "\n" in tail[len(tail.rstrip()) :]


def _cut_sentence(sentence: str) -> Iterator[str]:
    """Give the sentence, or pieces of it where it is longer than a passage. Pieces end with a word if they can."""
    start = 0
    while len(sentence) - start > LONGEST:
        space = max(sentence.rfind(sign, start + LONGEST // 2, start + LONGEST) for sign in " \n\t")
        end = space + 1 if space >= 0 else start + LONGEST
        yield sentence[start:end]
        start = end
    yield sentence[start:]
