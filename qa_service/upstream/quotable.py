"""This module finds the sentences of passages that can be quoted. Headings and the running headers of pages aren't
quoted, but headings tell what the sentences under them are about."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from qa_service.language.sentences import split_sentences
from qa_service.model import Passage
from qa_service.upstream.asked_words import HeldWords, hold_words

LONGEST_OFFLINE_QUOTE = 400
"""A quote has at most this many characters. Text without sentence ends, such as a table, is quoted by lines, or cut."""
RUNNING_PAGES = 3
"""A short line that stands on this many pages of a file, but for its digits, is a running header."""
RUNNING_LENGTH = 80
_HEADING = re.compile(r"(?:제\d{1,3}[조장절] )?[^.!?。！？:：\d\n]{1,40}")
# A line that is as short as this one didn't end because it was full, so another paragraph begins behind it. The
# rest of a line says nothing of that.
_OVER = re.compile(r"\A(\s*+[^.!?。！？:：\d\n]{1,24})\n(?=[^a-z\s])")
_DIGITS = re.compile(r"\d+")


class QuotableSentence(Struct, frozen=True):
    """A `QuotableSentence` is a sentence with the passage that it stands in. `held` has its words, and `heading` those
    of the heading that it stands under."""

    text: str
    passage: Passage
    held: HeldWords
    heading: HeldWords


def list_sentences(passages: Sequence[Passage]) -> list[QuotableSentence]:
    """List the sentences of the passages, in their order."""
    running = _find_running_lines(passages)
    return [sentence for passage in passages for sentence in _read_passage(passage, running)]


def _read_passage(passage: Passage, running: frozenset[tuple[str, str]]) -> list[QuotableSentence]:
    found: list[QuotableSentence] = []
    heading = hold_words(passage.section)
    for text in _split_quotable(_drop_running_lines(passage, running)):
        held = hold_words(text)
        if text == passage.section or _HEADING.fullmatch(text):
            heading = held
        else:
            found.append(QuotableSentence(text, passage, held, heading))
    if not found and heading.tokens:
        found.append(QuotableSentence(passage.text.strip(), passage, heading, heading))
    return found


def _split_quotable(text: str) -> Iterator[str]:
    begins_line = True
    for sentence in split_sentences(text):
        lines = [sentence]
        if len(sentence) > LONGEST_OFFLINE_QUOTE:
            lines = sentence.splitlines()
        elif begins_line:
            lines = _OVER.sub("\\1\0", sentence, count=1).split("\0")
        yield from (line.strip() for line in lines if line.strip())
        begins_line = "\n" in sentence[len(sentence.rstrip()) :]


def _find_running_lines(passages: Sequence[Passage]) -> frozenset[tuple[str, str]]:
    """Find the first and last lines that many pages of a file have. Each comes with the id of its file."""
    pages: Mapping[tuple[str, str], set[int]] = defaultdict(set)
    for passage in passages:
        for line in _outer_lines(passage.text) if passage.paged else ():
            pages[passage.file_id, _shape(line)].add(passage.page)
    return frozenset(key for key, numbers in pages.items() if len(numbers) >= RUNNING_PAGES)


def _drop_running_lines(passage: Passage, running: frozenset[tuple[str, str]]) -> str:
    lines = passage.text.splitlines(keepends=True)
    kept = [line for line in lines if (passage.file_id, _shape(line)) not in running]
    return "".join(kept)


def _outer_lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    return [line for line in {*lines[:2], *lines[-2:]} if len(line) <= RUNNING_LENGTH]


def _shape(line: str) -> str:
    return _DIGITS.sub("0", " ".join(line.split()))
