"""This module reads the files that lie within another file: the attachments of a mail, and the members of an archive.

Each of them is read by the reader of its own kind. How many there are, how deep they lie and how many bytes they have
together is bounded over the whole upload.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.decoding import clean_file_text
from qa_service.files.kinds import read_segments
from qa_service.files.segment import InnerRoom, RawFile, Segment
from qa_service.files.sniffing import sniff_kind

DEEPEST = 3
MOST_FILES = 500
MOST_UNPACKED_BYTES = 200_000_000
"""All files within one upload have at most this many bytes, when they are unpacked."""
MOST_INNER_PICTURES = 10
"""This many of the pictures within one upload are kept, which is as many as a prompt shows."""

_BROKEN = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError)
"""Parsers raise these for damaged files. The files beside the damaged one are still read."""


class InnerFile(Struct, frozen=True):
    """An `InnerFile` is a file within another one. `reason` says why it can't be read, where that is known already."""

    name: str
    content: bytes
    charset: str = ""
    kind: str = ""
    """It is found by the bytes where it is empty."""
    reason: str = ""


def find_room(raw: RawFile) -> InnerRoom:
    """Return the room for the files within this file."""
    return raw.room or InnerRoom(MOST_FILES, MOST_UNPACKED_BYTES, MOST_INNER_PICTURES)


def read_inner_files(
    files: Iterable[InnerFile], raw: RawFile, room: InnerRoom, *, first_page: int = 1
) -> Iterator[Segment]:
    """Give the segments of all files within `raw`.

    Each page of each file is a page of its own, and is counted from `first_page`, so that a citation leads to it. The
    file's name stands in the segment's place. A page that is `unread` stands for a file that can't be read, or not to
    its end. Raises `Unreadable` where more files follow than may be read.
    """
    page = first_page - 1
    for file in files:
        room.files -= 1
        room.bytes -= len(file.content)
        if room.files < 0 or room.bytes < 0 or raw.depth >= DEEPEST:
            raise Unreadable("too_large")
        start = page + 1
        for segment in _read_whole(file, raw, room):
            page = start - 1 + max(segment.page, 1)
            yield _place(segment, file.name, page)
        page = max(page, start)


def _read_whole(file: InnerFile, raw: RawFile, room: InnerRoom) -> Iterator[Segment]:
    """Give the segments of one file, and at last an unread page where there should be more. An empty file has none."""
    page, reason = 1, ""
    try:
        for segment in _read_inner_file(file, raw, room):
            page = segment.page
            yield segment
    except Unreadable as error:
        reason = error.reason
    except _BROKEN:
        reason = "damaged"
    if reason not in ("", "empty"):
        yield Segment("", page=page, unread=reason)


def _read_inner_file(file: InnerFile, raw: RawFile, room: InnerRoom) -> Iterator[Segment]:
    if file.reason:
        raise Unreadable(file.reason)
    kind = file.kind or sniff_kind(file.content, file.name)
    inner = RawFile(file.content, file.charset, raw.depth + 1, room)
    for segment in read_segments(kind, inner):
        if segment.picture is not None:
            room.pictures -= 1
            if room.pictures < 0:
                raise Unreadable("too_large")
        yield segment


def _place(segment: Segment, name: str, page: int) -> Segment:
    name = clean_file_text(name)
    part = f"{name}/{segment.place.part}" if segment.place.part else name
    inner_page = segment.place.page or (segment.page if segment.paged else 0)
    return replace(segment, page=page, pages=0, paged=False, place=replace(segment.place, part=part, page=inner_page))
