"""This module finds the sources of a finished answer. Numbers, annotations and links become references.

A document's quotes are taken from the very passage that its number points at, so they stand on the page that it names.
That page was decided when the file was read: `Segment.page` became `Passage.page` (`files/reading.py`).

A link is a source if a tool of upstream's has returned its page; a link that the model has only typed may be made up.
A number that stands for no passage is none, and no other source gets that number.

What is looked at is bounded, so that no answer keeps a worker busy, however long it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from heapq import merge
from itertools import count, islice
from operator import attrgetter
from urllib.parse import urlsplit

from msgspec import Struct

from qa_service.deltas import Annotation
from qa_service.frames import Cite, Reference
from qa_service.links import (
    Link,
    find_bare_addresses,
    find_links,
    identify_page,
    is_web_address,
    point_at_quote,
)
from qa_service.markers import blank_code, find_markers
from qa_service.model import Language, Passage
from qa_service.places import describe_section, find_rows, locate_pages
from qa_service.quoting import Claims, Quotable

SEARCHED_OF_ANSWER = 256 << 10
"""This many characters of an answer are searched for sources. The longest answers of today's models have as many."""
MOST_MENTIONS = 5_000
"""At most this many markers, links and annotations are looked at, from the beginning of the answer."""
MOST_SOURCES = 200
MOST_CITES = 50
"""A source has at most this many places. With the longest quotes, their frame has less than 64 KiB."""


class Placed(Struct, frozen=True):
    """A `Placed` is an annotation with the place in the answer's text where it came."""

    at: int
    annotation: Annotation


class Evidence(Struct, frozen=True):
    """An `Evidence` is what an answer can have its statements from."""

    session_id: str
    passages: Sequence[Passage] = ()
    """These are the numbered passages of the prompt."""
    annotations: Sequence[Placed] = ()
    pages: frozenset[str] = frozenset()
    """These are the web pages that tools have returned, as `identify_page` gives them."""
    trusts_links: bool = False
    """This says whether a link that no tool has returned is a source, too."""
    language: Language = "en"
    """The places of documents are described in this language."""


class _Mention(Struct, frozen=True):
    """A `_Mention` is a place in the answer that names a source: a passage, or what an annotation names. `n` is the
    number that is printed there, or 0."""

    at: int
    key: str
    source: Passage | Annotation
    n: int = 0


def collect_references(text: str, evidence: Evidence) -> tuple[Reference, ...]:
    """Collect the sources of an answer, each once, in the order in which they are first cited.

    A document, and a page that upstream has numbered, keep the number that is printed in the text; every other source
    takes the next one that is printed nowhere. A document's `url` is relative to the prefix of whoever reads it.
    Addresses that are neither http nor https are no sources.
    """
    prose = blank_code(text[:SEARCHED_OF_ANSWER])
    numbered = {passage.n: passage for passage in evidence.passages}
    sources = _group_mentions(prose, numbered, evidence)
    claims, numbers = Claims(text[:SEARCHED_OF_ANSWER], prose), _number_sources(prose, sources)
    return tuple(
        _cite_document(first, mentions, claims, evidence)
        if isinstance(first := mentions[0].source, Passage)
        else _cite_source(n, mentions, claims, len(text))
        for n, mentions in zip(numbers, sources, strict=True)
    )


def _group_mentions(prose: str, numbered: Mapping[int, Passage], evidence: Evidence) -> Sequence[Sequence[_Mention]]:
    """Group the mentions by their source. Both the sources and the mentions of each are in the order of the text."""
    web = [placed.annotation for placed in evidence.annotations if is_web_address(placed.annotation.url)]
    titles = {identify_page(note.url): note.title for note in web}
    named = {note.n: note for note in reversed(web) if note.n}
    returned = evidence.pages.union(titles)
    found = (
        _find_numbers(prose, {**named, **numbered}),
        _find_links(find_links(prose), titles, None if evidence.trusts_links else returned),
        _find_links(find_bare_addresses(prose), titles, None if evidence.trusts_links else returned),
        _place_annotations(evidence.annotations),
    )
    sources: dict[str, list[_Mention]] = {}
    for mention in islice(merge(*found, key=attrgetter("at")), MOST_MENTIONS):
        mentions = sources.setdefault(mention.key, [])
        if len(mentions) < MOST_CITES:
            mentions.append(mention)
    return list(islice(sources.values(), MOST_SOURCES))


def _number_sources(prose: str, sources: Sequence[Sequence[_Mention]]) -> Iterator[int]:
    """Give each source its number. A source without a printed one gets none that is printed, because a number that the
    model has made up would lead to it."""
    numbers = [next((mention.n for mention in mentions if mention.n), 0) for mentions in sources]
    printed = {n for _, n in find_markers(prose)} if 0 in numbers else set()
    free = (n for n in count(max(numbers, default=0) + 1) if n not in printed)
    return (n or next(free) for n in numbers)


def _find_numbers(prose: str, numbered: Mapping[int, Passage | Annotation]) -> Iterator[_Mention]:
    for at, n in find_markers(prose) if numbered else ():
        match numbered.get(n):
            case Passage() as passage:
                yield _Mention(at, f"n{n}", passage, n)
            case Annotation() as note:
                yield _Mention(at, identify_page(note.url), note, n)


def _find_links(links: Iterable[Link], titles: Mapping[str, str], returned: Set[str] | None) -> Iterator[_Mention]:
    """Find the links that are sources: those to the returned pages, or all where `returned` is None."""
    for link in links if returned is None or returned else ():
        page = identify_page(link.url)
        if returned is None or page in returned:
            note = Annotation("url", titles.get(page) or link.label, link.url, span=(link.start, link.end))
            yield _Mention(link.start, page, note)


def _place_annotations(annotations: Iterable[Placed]) -> Iterator[_Mention]:
    placed = [(placed.annotation.span or (placed.at, 0), placed.annotation) for placed in annotations]
    for (at, _), note in sorted(placed, key=lambda one: one[0][0]):
        if note.kind == "url" and is_web_address(note.url):
            yield _Mention(at, identify_page(note.url), note)
        elif note.kind == "document" and (note.document_id or note.file):
            yield _Mention(at, f"{note.document_id} {note.file}", note)


def _cite_source(n: int, mentions: Sequence[_Mention], claims: Claims, length: int) -> Reference:
    notes = [mention.source for mention in mentions if isinstance(mention.source, Annotation)]
    note = next((note for note in notes if note.title), notes[0])
    printed = dict.fromkeys(claims.find_claim(mention.at) for mention in mentions if mention.n)
    cites = tuple(Cite(*place) for place in printed) or tuple(_place_cites(notes, claims, length))
    if note.kind == "url":
        return Reference(n, "url", note.title or urlsplit(note.url).hostname or note.url, note.url, cites=cites)
    return Reference(
        n,
        "document",
        title=note.title or note.file,
        document_id=note.document_id or None,
        file=note.file or None,
        page=note.page or None,
        quote=note.quote or None,
        cites=cites,
    )


def _place_cites(notes: Iterable[Annotation], claims: Claims, length: int) -> Iterator[Cite]:
    """Place the number of a source behind each of its links. Where it has no link, it stands behind each claim that it
    ends."""
    known = [(note.span, note.quote) for note in notes if note.span and 0 <= note.span[0] <= note.span[1] <= length]
    links = [((start, end), quote) for (start, end), quote in known if start < end]
    ended = ((claims.find_claim_before(at), quote) for (at, _), quote in known if at <= SEARCHED_OF_ANSWER)
    reached = 0
    for (start, end), quote in sorted(links or ended, key=lambda one: (one[0][0], -one[0][1])):
        if reached <= start < end:
            yield Cite(start, end, quote or None)
            reached = end


def _cite_document(passage: Passage, mentions: Sequence[_Mention], claims: Claims, evidence: Evidence) -> Reference:
    quotable = Quotable(passage.text)
    places = dict.fromkeys(claims.find_claim(mention.at) for mention in mentions)
    cites = [Cite(*place, quotable.choose_quote(claims.read_claim(place))) for place in places]
    rows = find_rows(passage, (cite.quote or "" for cite in cites))
    return Reference(
        passage.n,
        "url" if passage.url else "document",
        title=passage.file,
        url=_locate_passage(passage, cites[0].quote or "", evidence.session_id),
        document_id=passage.file_id,
        file=passage.file,
        page=passage.page if passage.paged else None,
        section=describe_section(passage, evidence.language, rows) or None,
        topic=passage.topic or None,
        quote=cites[0].quote,
        cites=tuple(cites),
    )


def _locate_passage(passage: Passage, quote: str, session_id: str) -> str:
    if passage.url:
        return point_at_quote(passage.url, quote, passage.page if passage.paged else 0)
    return f"{locate_pages(passage, session_id)}/{passage.page}"
