"""The messages that a reading process sends to the worker through a pipe, and the verdict that follows from them."""

from collections.abc import Iterator
from typing import BinaryIO, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.model import FileProgress, FileText, Verdict, VerdictStatus

HARMLESS = frozenset({"empty", "no_text_layer", "over_quota", "unsupported"})
"""For these reasons a file is skipped and hasn't failed, because there is nothing wrong with it."""

LONGEST = 1 << 20
"""The most bytes of one message. An honest part of a file has a fifth of that."""
MOST_MESSAGES = 10_000
MOST_BYTES = 64 << 20
"""The most bytes of all messages on one file. An honest file has a quarter of that."""

_PREFIX = 4
"""The length before each message has so many bytes, the highest first."""


class Report(Struct, frozen=True, omit_defaults=True):
    """One message. It carries the verdict as far as it is known, because there may be no next message."""

    verdict: Verdict
    """Its pages and tokens are those that were reported so far, this message included."""
    progress: FileProgress | None = None
    text: FileText | None = None
    last: bool = False


_DECODER = msgspec.json.Decoder(Report)
_STATUSES = get_args(VerdictStatus)[-1]


def final_verdict(verdict: Verdict, reason: str | None) -> Verdict:
    """Give the final verdict on a file whose reading ended for a reason, or at the file's end where it is None."""
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

    The sender isn't trusted. Raises `Unreadable` for what is too long, too much, no report, or contradicts itself.
    """
    passages = 0
    for message in _messages(pipe):
        report = _decoded(message)
        if report.text is not None:
            passages = _checked(report.text, passages)
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
    # What is stored may name a status of a later release. A reading process is of this one.
    if report.verdict.status not in _STATUSES:
        raise Unreadable("damaged")
    return report


def _checked(text: FileText, first: int) -> int:
    """Give the number behind the last passage. Raises `Unreadable` where a word stands in none of these passages."""
    end = first + len(text.passages)
    in_place = all(first <= number < end for places in text.index.values() for number in places[::2])
    in_pairs = all(len(places) % 2 == 0 for places in text.index.values())
    if not (in_place and in_pairs and text.first == first):
        raise Unreadable("damaged")
    return end
