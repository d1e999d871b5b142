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

from qa_service.frames import Cite, Reference
from qa_service.links import Link, find_bare_addresses, find_links, identify_page, is_web_address
from qa_service.markers import blank_code, find_markers
from qa_service.model import Annotation, Passage
from qa_service.quoting import Claims, Quotable

LOOKED_AT = 256 << 10
"""So many characters of an answer are searched for sources. The longest answers of today's models have as many."""
MOST_MENTIONS = 5_000
"""At most so many markers, links and annotations are looked at, from the beginning of the answer."""
MOST_SOURCES = 200
MOST_CITES = 50
"""A source has at most so many places. With the longest quotes, their frame has less than 64 KiB."""


class Placed(Struct, frozen=True):
    """A `Placed` is an annotation with the place in the answer's text where it came."""

    at: int
    annotation: Annotation


class Evidence(Struct, frozen=True):
    """An `Evidence` is what an answer can have its statements from."""

    session_id: str
    passages: Sequence[Passage] = ()
    """The numbered passages of the prompt."""
    annotations: Sequence[Placed] = ()
    pages: frozenset[str] = frozenset()
    """The web pages that tools have returned, as `identify_page` gives them."""
    trusts_links: bool = False
    """Whether a link that no tool has returned is a source, too."""


class _Mention(Struct, frozen=True):
    """A `_Mention` is a place in the answer that names a source, by a printed number `n` or by an annotation."""

    at: int
    key: str
    n: int = 0
    annotation: Annotation = Annotation("url")


def collect_references(text: str, evidence: Evidence) -> tuple[Reference, ...]:
    """Collect the sources of an answer, each once, in the order in which they are first cited.

    A document keeps the number that is printed in the text; every other source takes the next one that is printed
    nowhere. A document's `url` is relative to the prefix of whoever reads it. Addresses that are neither http nor https
    are no sources.
    """
    prose = blank_code(text[:LOOKED_AT])
    numbered = {passage.n: passage for passage in evidence.passages}
    sources = _group_mentions(prose, numbered, evidence)
    claims, free = Claims(text[:LOOKED_AT], prose), _free_numbers(prose, sources)
    return tuple(
        _cite_document(numbered[mentions[0].n], mentions, claims, evidence.session_id)
        if mentions[0].n
        else _cite_source(next(free), mentions, claims, len(text))
        for mentions in sources
    )


def _group_mentions(prose: str, numbered: Mapping[int, Passage], evidence: Evidence) -> Sequence[Sequence[_Mention]]:
    """Group the mentions by their source. Both the sources and the mentions of each are in the order of the text."""
    web = [placed.annotation for placed in evidence.annotations if is_web_address(placed.annotation.url)]
    titles = {identify_page(note.url): note.title for note in web}
    returned = evidence.pages.union(titles)
    found = (
        _find_numbers(prose, numbered),
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


def _free_numbers(prose: str, sources: Sequence[Sequence[_Mention]]) -> Iterator[int]:
    """Give the numbers for the sources without one. A made-up number in the text would lead to a source that had it."""
    numbers = [mentions[0].n for mentions in sources]
    printed = {n for _, n in find_markers(prose)} if 0 in numbers else set()
    return (n for n in count(max(numbers, default=0) + 1) if n not in printed)


def _find_numbers(prose: str, numbered: Mapping[int, Passage]) -> Iterator[_Mention]:
    for at, n in find_markers(prose) if numbered else ():
        if n in numbered:
            yield _Mention(at, f"n{n}", n)


def _find_links(links: Iterable[Link], titles: Mapping[str, str], returned: Set[str] | None) -> Iterator[_Mention]:
    """Find the links that are sources: those to the returned pages, or all where `returned` is None."""
    for link in links if returned is None or returned else ():
        page = identify_page(link.url)
        if returned is None or page in returned:
            note = Annotation("url", titles.get(page) or link.label, link.url, span=(link.start, link.end))
            yield _Mention(link.start, page, annotation=note)


def _place_annotations(annotations: Iterable[Placed]) -> Iterator[_Mention]:
    placed = [(placed.annotation.span or (placed.at, 0), placed.annotation) for placed in annotations]
    for (at, _), note in sorted(placed, key=lambda one: one[0][0]):
        if note.kind == "url" and is_web_address(note.url):
            yield _Mention(at, identify_page(note.url), annotation=note)
        elif note.kind == "document" and (note.document_id or note.file):
            yield _Mention(at, f"{note.document_id} {note.file}", annotation=note)


def _cite_source(n: int, mentions: Sequence[_Mention], claims: Claims, length: int) -> Reference:
    note = next((mention.annotation for mention in mentions if mention.annotation.title), mentions[0].annotation)
    cites = tuple(_place_cites([mention.annotation for mention in mentions], claims, length))
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
    ended = ((claims.find_claim_before(at), quote) for (at, _), quote in known if at <= LOOKED_AT)
    reached = 0
    for (start, end), quote in sorted(links or ended, key=lambda one: (one[0][0], -one[0][1])):
        if reached <= start < end:
            yield Cite(start, end, quote or None)
            reached = end


def _cite_document(passage: Passage, mentions: Sequence[_Mention], claims: Claims, session_id: str) -> Reference:
    quotable = Quotable(passage.text)
    places = dict.fromkeys(claims.find_claim(mention.at) for mention in mentions)
    cites = [Cite(*place, quotable.choose_quote(claims.read_claim(place))) for place in places]
    return Reference(
        passage.n,
        "document",
        title=passage.file,
        url=f"sessions/{session_id}/files/{passage.file_id}/pages/{passage.page}",
        document_id=passage.file_id,
        file=passage.file,
        page=passage.page if passage.paged else None,
        section=passage.section or None,
        quote=cites[0].quote,
        cites=tuple(cites),
    )
