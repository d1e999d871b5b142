"""This module names the sources that a model is shown, before it has written a word.

By them a reader can open the source of a number as soon as the number is printed. Which sources the answer cites, and
where, is found when the answer is finished (`citing.py`).
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from qa_service.frames import ShownPassage, ShownSource
from qa_service.links import point_at_quote
from qa_service.model import Language, Passage
from qa_service.places import describe_section, locate_pages

MOST_SOURCES_BYTES = 4_000
"""The sources of one prompt have at most this many bytes of JSON, without the public prefix. A passage that has no room
here can be opened when its reference has come, at the end of the answer."""
LONGEST_SOURCE_TITLE = 80
LONGEST_SECTION = 40


def list_shown_sources(passages: Sequence[Passage], session_id: str, language: Language) -> tuple[ShownSource, ...]:
    """List the sources of a prompt's passages, with the numbers that the model knows. The passages come best first, and
    those that find no room any more are left out. A document's `url` is relative to the prefix of whoever reads it."""
    room, places = MOST_SOURCES_BYTES, dict[ShownSource, list[ShownPassage]]()
    for passage in passages:
        source, place = _name_source(passage, session_id), _name_place(passage, language)
        shown = places.setdefault(source, [])
        taken = _measure(place if shown else replace(source, passages=(place,)))
        if taken <= room:
            room -= taken
            shown.append(place)
    return tuple(replace(source, passages=tuple(shown)) for source, shown in places.items() if shown)


def _measure(named: ShownSource | ShownPassage) -> int:
    return len(msgspec.json.encode(named)) + len(",")


def _name_source(passage: Passage, session_id: str) -> ShownSource:
    """Name the source of a passage, without passages. Those of one source are equal."""
    title, url = _shorten(passage.file, LONGEST_SOURCE_TITLE), passage.url
    if url:
        return ShownSource("url", title, point_at_quote(url, "", _page_of(passage) or 0), passage.file_id, ())
    return ShownSource("document", title, locate_pages(passage, session_id), passage.file_id, ())


def _name_place(passage: Passage, language: Language) -> ShownPassage:
    section = _shorten(describe_section(passage, language), LONGEST_SECTION)
    return ShownPassage(passage.n, _page_of(passage), section or None)


def _page_of(passage: Passage) -> int | None:
    return passage.page if passage.paged else None


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
