"""This module has the messages from a reading process to the worker, and makes the final verdict on a file."""

from collections.abc import Iterator
from typing import BinaryIO, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.file_news import FileNews, FileProgress, FileText, ReadPicture
from qa_service.files.checking import TextCheck, check_parsed, check_picture, check_progress, check_verdict
from qa_service.files.parsed import Parsed
from qa_service.model import Verdict

HARMLESS = frozenset({"empty", "no_text_layer", "no_unicode", "over_quota", "unsupported"})
"""A file without text is `skipped` for these reasons, because nothing is wrong with it. Otherwise it is `failed`."""

LONGEST_MESSAGE = 1 << 20
"""One message may have at most this many bytes. A part of an honest file has a fifth of that."""
MOST_REPORTS = 10_000
MOST_REPORT_BYTES = 64 << 20
"""All messages on one file may have at most this many bytes. An honest file has a quarter of that."""

T = TypeVar("T")
_PREFIX = 4
"""Before each message stands its length, in this many bytes with the highest one first."""


class FileReport(Struct, frozen=True, omit_defaults=True):
    """A `FileReport` is one message. It carries the verdict as far as it is known, because there may be no next
    message."""

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


_DECODER = msgspec.json.Decoder(FileReport)
_PARSED_DECODER = msgspec.json.Decoder(Parsed)


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


def write_message(message: FileReport | Parsed, pipe: BinaryIO) -> None:
    """Send one message through the pipe."""
    encoded = msgspec.json.encode(message)
    pipe.write(len(encoded).to_bytes(_PREFIX) + encoded)
    pipe.flush()


def receive_reports(pipe: BinaryIO) -> Iterator[FileReport]:
    """Give the reports up to the last one, or up to the end of the pipe.

    The sender isn't trusted. Raises `Unreadable` for a message that is too long or no report, for too many messages or
    bytes, and for a report that `checking` doesn't let pass.
    """
    texts = TextCheck()
    for message in _messages(pipe):
        report = _decoded(_DECODER, message)
        check_verdict(report.verdict)
        if report.progress is not None:
            check_progress(report.progress)
        if report.text is not None:
            texts.check_part(report.text)
        if report.picture is not None:
            check_picture(report.picture)
        yield report
        if report.last:
            return


def receive_parsed(pipe: BinaryIO) -> Parsed | None:
    """Return what a page or a sitemap gave, which is one message, or None where the pipe ends before. The sender isn't
    trusted. Raises `Unreadable` as `receive_reports` does."""
    for message in _messages(pipe, MOST_REPORT_BYTES):
        parsed = _decoded(_PARSED_DECODER, message)
        check_parsed(parsed)
        return parsed
    return None


def _messages(pipe: BinaryIO, longest: int = LONGEST_MESSAGE) -> Iterator[bytes]:
    left = MOST_REPORT_BYTES
    for _ in range(MOST_REPORTS):
        size = int.from_bytes(pipe.read(_PREFIX))
        left -= size
        if size > longest or left < 0:
            break
        message = pipe.read(size)
        if not size or len(message) < size:
            return
        yield message
    raise Unreadable("damaged")


def _decoded(decoder: msgspec.json.Decoder[T], message: bytes) -> T:
    try:
        return decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable("damaged") from error
