"""What a reading process tells its parent, how it crosses the pipe, and how a verdict follows from it."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.model import FileProgress, FileText, Verdict

HARMLESS = frozenset({"empty", "no_text_layer", "unsupported"})
"""Reasons for which a file is skipped rather than failed: there is nothing wrong with it."""

LONGEST = 1 << 20
"""Bytes of one message; an honest part of a file has a fifth of that."""
MOST_MESSAGES = 10_000
MOST_BYTES = 64 << 20
"""Of all messages on one file; an honest one has a quarter of that."""

_PREFIX = 4
"""Bytes of the length before each message, big-endian."""


class Report(Struct, frozen=True, omit_defaults=True):
    """One message. Each carries the verdict as far as it is known, for when there is no next one."""

    verdict: Verdict
    """Its pages and tokens are those told of so far, this message included."""
    progress: FileProgress | None = None
    text: FileText | None = None
    last: bool = False


_DECODER = msgspec.json.Decoder(Report)


def ended(verdict: Verdict, reason: str | None) -> Verdict:
    """The final verdict on a file whose reading ended, for a reason or at its end."""
    if reason is None and not verdict.tokens:
        reason = "empty"
    if reason is None:
        return verdict
    if verdict.tokens:
        return replace(verdict, status="truncated", reason=reason)
    return replace(verdict, status="skipped" if reason in HARMLESS else "failed", reason=reason)


def write(report: Report, pipe: BinaryIO) -> None:
    """Send one report."""
    message = msgspec.json.encode(report)
    pipe.write(len(message).to_bytes(_PREFIX) + message)
    pipe.flush()


def received(pipe: BinaryIO) -> Iterator[Report]:
    """The reports up to the last one or the pipe's end. The sender isn't trusted: what is too long, too much or no
    report, or contradicts itself, is `Unreadable`."""
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
        return _DECODER.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("damaged") from error


def _checked(text: FileText, first: int) -> int:
    """The number behind the last passage, if the words are of these passages."""
    end = first + len(text.passages)
    in_place = all(first <= number < end for places in text.index.values() for number in places[::2])
    in_pairs = all(len(places) % 2 == 0 for places in text.index.values())
    if not (in_place and in_pairs and text.first == first):
        raise Unreadable("damaged")
    return end
