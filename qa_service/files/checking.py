"""This module checks what a reading process reports in the worker, because a file may have taken that process over.

Only a reader's own words may pass: text, and where it stands. What the rest of the service says of a passage, such as
the address that a citation leads to, is never taken from a report.
"""

import re
from typing import get_args

from qa_service.errors import Unreadable
from qa_service.file_news import FileProgress, FileText, ReadPicture
from qa_service.files.limits import LONGEST_PLACE_NAME, MOST_CHARACTERS, MOST_FILE_PAGES, MOST_FILE_PASSAGES
from qa_service.files.parsed import (
    LONGEST_ADDRESS,
    LONGEST_DIRECTIVES,
    MOST_ABOVE,
    MOST_ADDRESSES,
    MOST_HREFS,
    MOST_PAGE_CHARACTERS,
    PageHints,
    PageSection,
    Parsed,
)
from qa_service.files.segment import PICTURE_BYTES
from qa_service.files.sniffing import find_signature
from qa_service.model import PICTURE_KINDS, Passage, Place, Verdict, VerdictStatus
from qa_service.retrieval.splitting import LONGEST_PASSAGE
from qa_service.search_interfaces import IMPACT_BITS

_STATUSES = get_args(VerdictStatus)[-1].examples
_CODE = re.compile("[a-z0-9_]{1,30}")
"""The kind of a file and the reason of a verdict are such codes."""
_MOST = 1 << 31
"""The stores keep no larger numbers."""


def check_verdict(verdict: Verdict) -> None:
    """Raise `Unreadable` for a verdict that no reader gives."""
    # The decoder takes any status, because a record of a later release may be in the store. A reading process has the
    # same release as its worker, so it can only mean one of ours.
    _insist(verdict.status in _STATUSES)
    _insist(all(_CODE.fullmatch(code) for code in (verdict.kind, verdict.reason or "none")))
    _insist(0 <= verdict.pages <= MOST_FILE_PAGES and 0 <= verdict.tokens < _MOST)
    _insist(all(map(_is_page, verdict.unread_pages)))


def check_progress(progress: FileProgress) -> None:
    """Raise `Unreadable` for a page that no reader comes to."""
    _insist(_is_page(progress.page) and 0 <= progress.pages < _MOST)


def check_picture(read: ReadPicture) -> None:
    """Raise `Unreadable` for a picture that is too large, or whose bytes aren't of its type, because browsers get it
    under that type. Only the first bytes are looked at, since nothing from outside may be parsed here."""
    picture, described = read.picture, read.described
    kind = find_signature(picture.data)
    _insist(kind in PICTURE_KINDS and picture.mime_type == f"image/{kind}" and len(picture.data) <= PICTURE_BYTES)
    _insist(_is_page(described.page) and 0 <= described.tokens < _MOST and len(described.name) <= LONGEST_PLACE_NAME)


class TextCheck:
    """A `TextCheck` checks the parts of one file's text, one after another."""

    def __init__(self) -> None:
        self._passages = 0
        self._characters = 0

    def check_part(self, text: FileText) -> None:
        """Raise `Unreadable` for a part that doesn't follow the one before, that has a passage which no reader makes,
        or whose index names another passage. The same goes for more passages or characters than a file may have."""
        first, self._passages = self._passages, self._passages + len(text.passages)
        self._characters += sum(len(passage.text) for passage in text.passages)
        _insist(text.first == first and self._passages <= MOST_FILE_PASSAGES and self._characters <= MOST_CHARACTERS)
        _insist(all(map(_is_passage, text.passages)))
        _insist(all(_is_entry(places, first, self._passages) for places in text.index.values()))


def check_parsed(parsed: Parsed) -> None:
    """Raise `Unreadable` for what no parser gives. Addresses are only bounded here; whoever follows them normalizes
    them."""
    page, hints, listed = parsed.page, parsed.hints, parsed.listed
    _insist(not parsed.reason or bool(_CODE.fullmatch(parsed.reason)))
    _insist(_are_names((page.title, page.language)) and _are_names(page.trail) and all(map(_is_section, page.sections)))
    _insist(page.size <= MOST_PAGE_CHARACTERS)
    _insist(len(hints.links) <= MOST_HREFS and len(hints.robots) <= LONGEST_DIRECTIVES)
    _insist(len(listed.pages) <= MOST_ADDRESSES and len(listed.sitemaps) <= MOST_ADDRESSES)
    _insist(all(len(one) <= LONGEST_ADDRESS for one in _addresses(hints, *listed.pages, *listed.sitemaps)))


def _addresses(hints: PageHints, *listed: str) -> tuple[str, ...]:
    return (*hints.links, hints.base, hints.canonical, *listed)


def _is_section(section: PageSection) -> bool:
    return _are_names((*section.headings, section.anchor)) and not any("\0" in block for block in section.blocks)


def _are_names(names: tuple[str, ...]) -> bool:
    return len(names) <= MOST_ABOVE + 1 and all(len(name) <= LONGEST_PLACE_NAME and "\0" not in name for name in names)


def _is_entry(places: list[int], first: int, end: int) -> bool:
    in_place = all(first <= number < end for number in places[::2])
    return len(places) % 2 == 0 and in_place and all(0 <= impact < 1 << IMPACT_BITS for impact in places[1::2])


def _is_passage(passage: Passage) -> bool:
    allowed = Passage(
        "",
        passage.file,
        passage.text,
        page=passage.page,
        section=passage.section,
        paged=passage.paged,
        place=passage.place,
    )
    is_text = 0 < len(passage.text) <= LONGEST_PASSAGE and len(passage.section) <= LONGEST_PLACE_NAME
    return passage == allowed and is_text and _is_page(passage.page) and _is_place(passage.place)


def _is_place(place: Place) -> bool:
    names, numbers = (place.part, place.label, place.sheet), (place.page, place.slide, *(place.rows or ()))
    return all(len(name) <= LONGEST_PLACE_NAME for name in names) and all(0 <= number < _MOST for number in numbers)


def _is_page(number: int) -> bool:
    return 1 <= number <= MOST_FILE_PAGES


def _insist(is_allowed: bool) -> None:
    if not is_allowed:
        raise Unreadable("damaged")
