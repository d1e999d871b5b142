"""This module finds the sources of a finished answer. Numbers, annotations and addresses become references.

A document's quote is taken from the very passage that its number points at, so it stands on the page that it names.
That page was decided when the file was read: `Segment.page` became `Passage.page` (`files/reading.py`).
What is looked at is bounded, so that no answer keeps a worker busy, however long it is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from urllib.parse import urlsplit

from msgspec import Struct

from qa_service.frames import Reference
from qa_service.language.sentences import split_sentences
from qa_service.language.stems import JOSA
from qa_service.language.tokens import list_words
from qa_service.markers import MARKER, blank_code, find_markers
from qa_service.model import Annotation, Passage

LOOKED_AT = 256 << 10
"""So many characters of an answer are searched for sources. The longest answers of today's models have as many."""
MOST_MENTIONS = 5_000
"""At most so many markers, links and annotations are looked at, from the beginning of the answer."""
MOST_SOURCES = 200
LONGEST_QUOTE = 300
LONGEST_SENTENCE = 1_000
"""At most so many characters before a marker are compared with its passage."""
LONGEST_ADDRESS = 4_096
LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\((https?://[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)\)")
_OPEN = r"[^\s<>\"'`\[\]()*…。，、！？：；（）“”‘’「」『』《》〈〉]"
BARE = re.compile(rf"https?://{_OPEN}+(?:\([^\s()<>]*\){_OPEN}*)*")
TRAILING = ".,;:!?~"
# A particle behind an address belongs to the sentence around it. Hangul that is a word of the path, as in /wiki/서울,
# stays.
PARTICLE = re.compile(rf"(?<=[A-Za-z0-9/=_)-])(?=[가-힣]){JOSA}$")
SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n")


class Placed(Struct, frozen=True):
    """A `Placed` is an annotation with the place in the answer's text where it came."""

    at: int
    annotation: Annotation


class _Mention(Struct, frozen=True):
    """A `_Mention` is a place in the answer that names a source, by a printed number `n` or by an annotation."""

    at: int
    key: str
    n: int = 0
    annotation: Annotation | None = None


def collect_references(
    text: str, passages: Sequence[Passage], annotations: Iterable[Placed], session_id: str
) -> tuple[Reference, ...]:
    """Collect the sources of an answer, each once, in the order in which they are first cited.

    A document keeps the number that is printed in the text; every other source takes the next free one. A document's
    `url` is relative to the prefix of whoever reads it. Addresses that are neither http nor https are no sources.
    """
    prose = blank_code(text[:LOOKED_AT])
    numbered = {passage.n: passage for passage in passages}
    first = _first_mentions(prose, numbered, tuple(annotations))
    free = iter(range(max((mention.n for mention in first), default=0) + 1, 10**6))
    return tuple(
        _cite_document(numbered[mention.n], _citing_sentence(prose, mention.at), session_id)
        if mention.n
        else _cite_source(mention, next(free))
        for mention in first
    )


def _first_mentions(prose: str, numbered: Mapping[int, Passage], annotations: Sequence[Placed]) -> tuple[_Mention, ...]:
    titles = {placed.annotation.url: placed.annotation.title for placed in annotations if placed.annotation.title}
    found = (
        _find_numbers(prose, numbered),
        _find_links(prose, titles),
        _find_bare_addresses(prose, titles),
        _place_annotations(annotations),
    )
    mentions = merge(*found, key=attrgetter("at"))
    first: dict[str, _Mention] = {}
    for mention in islice(mentions, MOST_MENTIONS):
        first.setdefault(mention.key, mention)
    return tuple(islice(first.values(), MOST_SOURCES))


def _find_numbers(prose: str, numbered: Mapping[int, Passage]) -> Iterator[_Mention]:
    for at, n in find_markers(prose) if numbered else ():
        if n in numbered:
            yield _Mention(at, f"n{n}", n)


def _find_links(prose: str, titles: Mapping[str, str]) -> Iterator[_Mention]:
    for link in LINK.finditer(prose) if "://" in prose else ():
        if is_web_address(link[2]):
            yield _url_mention(link.start(), link[2], titles.get(link[2]) or link[1])


def _find_bare_addresses(prose: str, titles: Mapping[str, str]) -> Iterator[_Mention]:
    """Find the addresses that stand in the text outside of links."""
    if "://" not in prose:
        return
    for bare in BARE.finditer(LINK.sub(lambda link: " " * len(link[0]), prose)):
        url = PARTICLE.sub("", bare[0][: LONGEST_ADDRESS + 1].rstrip(TRAILING))
        if is_web_address(url):
            yield _url_mention(bare.start(), url, titles.get(url, ""))


def _url_mention(at: int, url: str, title: str) -> _Mention:
    return _Mention(at, url, annotation=Annotation("url", title=title, url=url))


def _place_annotations(annotations: Iterable[Placed]) -> Iterator[_Mention]:
    for placed in sorted(annotations, key=attrgetter("at")):
        note = placed.annotation
        if note.kind == "url" and is_web_address(note.url):
            yield _Mention(placed.at, note.url, annotation=note)
        elif note.kind == "document" and (note.document_id or note.file):
            yield _Mention(placed.at, f"{note.document_id}{note.file}", annotation=note)


def is_web_address(url: str) -> bool:
    """Tell whether this is an http or https address with a host, to which a reader may be sent."""
    if len(url) > LONGEST_ADDRESS or " " in url or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:  # what a model writes needn't be an address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _cite_source(mention: _Mention, n: int) -> Reference:
    note = mention.annotation
    assert note is not None  # noqa: S101 - only a mention with a number has none
    if note.kind == "url":
        return Reference(n, "url", title=note.title or urlsplit(note.url).hostname or note.url, url=note.url)
    return Reference(
        n,
        "document",
        title=note.title or note.file,
        document_id=note.document_id or None,
        file=note.file or None,
        page=note.page or None,
        quote=note.quote or None,
    )


def _cite_document(passage: Passage, citing: str, session_id: str) -> Reference:
    return Reference(
        passage.n,
        "document",
        title=passage.file,
        url=f"sessions/{session_id}/files/{passage.file_id}/pages/{passage.page}",
        document_id=passage.file_id,
        file=passage.file,
        page=passage.page if passage.paged else None,
        section=passage.section or None,
        quote=_choose_quote(passage.text, citing),
    )


def _citing_sentence(prose: str, at: int) -> str:
    """Return the sentence before a marker, or the end of a long one, without the markers in it."""
    before = prose[max(0, at - LONGEST_SENTENCE) : at].rstrip("[［【 ")
    start = max((match.end() for match in SENTENCE_END.finditer(before.rstrip(".!?。！？ "))), default=0)
    return MARKER.sub(" ", before[start:])


def _choose_quote(passage: str, citing: str) -> str:
    """Choose the sentence of the passage that has most words in common with the citing sentence."""
    wanted = set(list_words(citing))
    stripped = [sentence.strip() for sentence in split_sentences(passage) if sentence.strip()]
    best = max(stripped, key=lambda sentence: _measure_overlap(wanted, sentence), default=passage.strip())
    return best[:LONGEST_QUOTE].rstrip()


def _measure_overlap(wanted: set[str], sentence: str) -> float:
    said = set(list_words(sentence))
    return len(wanted & said) / (len(said) + 5) if said else 0.0
