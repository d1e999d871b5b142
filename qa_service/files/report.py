"""This module has the messages from a reading process to the worker, and makes the final verdict on a file."""

from collections.abc import Iterator
from typing import BinaryIO, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.file_news import FileNews, FileProgress, FileText, ReadPicture
from qa_service.files.segment import PICTURE_BYTES
from qa_service.files.sniffing import sniff_kind
from qa_service.model import PICTURE_KINDS, Picture, Verdict, VerdictStatus

HARMLESS = frozenset({"empty", "no_text_layer", "no_unicode", "over_quota", "unsupported"})
"""A file without text is `skipped` for these reasons, because nothing is wrong with it. Otherwise it is `failed`."""

LONGEST = 1 << 20
"""One message may have at most so many bytes. A part of an honest file has a fifth of that."""
MOST_MESSAGES = 10_000
MOST_BYTES = 64 << 20
"""All messages on one file may have at most so many bytes. An honest file has a quarter of that."""

_PREFIX = 4
"""Before each message stands its length, in so many bytes with the highest one first."""


class Report(Struct, frozen=True, omit_defaults=True):
    """A `Report` is one message. It carries the verdict as far as it is known, because there may be no next message."""

    verdict: Verdict
    """Its `pages` and `tokens` count what has been reported so far, with this message."""
    progress: FileProgress | None = None
    text: FileText | None = None
    picture: ReadPicture | None = None
    last: bool = False

    def list_news(self) -> Iterator[FileNews]:
        """Give what the report tells besides its verdict."""
        if self.progress is not None:
            yield self.progress
        if self.text is not None:
            yield self.text
        if self.picture is not None:
            yield self.picture


_DECODER = msgspec.json.Decoder(Report)
_STATUSES = get_args(VerdictStatus)[-1].examples


def final_verdict(verdict: Verdict, reason: str | None) -> Verdict:
    """Return the final verdict on a file whose reading ended for `reason`, or at the file's end where `reason` is
    None."""
    if reason is None and not verdict.tokens:
        reason = "empty"
    if reason is None:
        return verdict
    if verdict.tokens:
        return replace(verdict, status="truncated", reason=reason)
    return replace(verdict, status="skipped" if reason in HARMLESS else "failed", reason=reason)


def write_report(report: Report, pipe: BinaryIO) -> None:
    """Send one report through the pipe."""
    message = msgspec.json.encode(report)
    pipe.write(len(message).to_bytes(_PREFIX) + message)
    pipe.flush()


def receive_reports(pipe: BinaryIO) -> Iterator[Report]:
    """Give the reports up to the last one, or up to the end of the pipe.

    The sender isn't trusted. Raises `Unreadable` for a message that is too long or no report, for too many messages or
    bytes, for a part of the text whose numbers don't fit its passages, and for a picture that is none.
    """
    passages = 0
    for message in _messages(pipe):
        report = _decoded(message)
        if report.text is not None:
            passages = _checked(report.text, passages)
        if report.picture is not None:
            _check_picture(report.picture.picture)
        yield report
        if report.last:
            return


def _messages(pipe: BinaryIO) -> Iterator[bytes]:
    left = MOST_BYTES
    for _ in range(MOST_MESSAGES):
        size = int.from_bytes(pipe.read(_PREFIX))
        left -= size
        if size > LONGEST or left < 0:
            break
        message = pipe.read(size)
        if not size or len(message) < size:
            return
        yield message
    raise Unreadable("damaged")


def _decoded(message: bytes) -> Report:
    try:
        report = _DECODER.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("damaged") from error
    # The decoder takes any status, because a record of a later release may be in the store. A reading process has the
    # same release as its worker, so it can only mean one of ours.
    if report.verdict.status not in _STATUSES:
        raise Unreadable("damaged")
    return report


def _checked(text: FileText, first: int) -> int:
    """Return the number that follows the last passage. Raises `Unreadable` where the part doesn't begin at `first`, or
    where its index names a passage that isn't in it."""
    end = first + len(text.passages)
    in_place = all(first <= number < end for places in text.index.values() for number in places[::2])
    in_pairs = all(len(places) % 2 == 0 for places in text.index.values())
    if not (in_place and in_pairs and text.first == first):
        raise Unreadable("damaged")
    return end


def _check_picture(picture: Picture) -> None:
    """Raise `Unreadable` for a picture that is too large, or whose bytes aren't of its type, because browsers get it
    under that type."""
    kind = sniff_kind(picture.data, "")
    if kind not in PICTURE_KINDS or picture.mime_type != f"image/{kind}" or len(picture.data) > PICTURE_BYTES:
        raise Unreadable("damaged")
