"""From a file's bytes to reports: find out the kind, read, split, count words. Pure, and slow on purpose:
all of a file's arithmetic is done here, so that the worker has none to do."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.files.decoding import cleaned
from qa_service.files.kinds import pieces
from qa_service.files.piece import Piece, Source
from qa_service.files.report import Report, ended
from qa_service.files.sniffing import sniff
from qa_service.model import FileProgress, FileText, Passage, UploadedFile, Verdict
from qa_service.retrieval.lexical import index_of
from qa_service.retrieval.splitting import estimated_tokens, split_passages

MOST_PAGES = 2_000
MOST_CHARACTERS = 2_000_000
PART_PASSAGES = 64
PART_CHARACTERS = 3_000
"""A part of a file is closed at this length: it then has about a thousand words, and takes a millisecond to decode."""


def read(file: UploadedFile, content: bytes) -> Iterator[Report]:
    """The reports on a file; the last has the final verdict. A broken file may raise what its library raises:
    whoever calls this takes anything but an end for `damaged`."""
    kind = sniff(content, file.name)
    reading = _Reading(Verdict(name=file.name, kind=kind, status="used"))
    yield Report(reading.verdict)
    reason = None
    try:
        yield from reading.reports(_bounded(pieces(kind, Source(content, file.charset))))
    except Unreadable as error:
        reason = error.reason
    except MemoryError:
        reason = "too_large"
    except RecursionError:
        reason = "damaged"
    rest = reading.report()
    yield replace(rest, verdict=ended(rest.verdict, reason), last=True)


def _bounded(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces with their text cleaned, up to the bounds of one file."""
    left = MOST_CHARACTERS
    for piece in pieces:
        if piece.page > MOST_PAGES:
            raise Unreadable("too_large")
        text = cleaned(piece.text)
        yield replace(piece, text=text[:left] if text.strip() else "")
        left -= len(text)
        if left < 0:
            raise Unreadable("too_large")


class _Reading:
    """Pieces into reports; the part under way is bounded, so memory is too."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self._part = _Part(0)

    def reports(self, pieces: Iterable[Piece]) -> Iterator[Report]:
        for piece in pieces:
            is_news = piece.page > self.verdict.pages and _is_due(piece)
            self.verdict = replace(self.verdict, pages=piece.page)
            if is_news:
                yield Report(self.verdict, progress=FileProgress(piece.page, piece.pages))
            yield from self._texts(piece)

    def _texts(self, piece: Piece) -> Iterator[Report]:
        for text in split_passages(piece.text):
            self._part.add(
                Passage("", self.verdict.name, text, page=piece.page, section=piece.section, paged=piece.paged)
            )
            if self._part.is_full:
                yield self.report()

    def report(self) -> Report:
        """The part under way; the next one begins."""
        part, text = self._part, self._part.text()
        self._part = _Part(part.first + len(text.passages))
        self.verdict = replace(self.verdict, tokens=self.verdict.tokens + part.tokens)
        return Report(self.verdict, text=text if text.passages else None)


def _is_due(piece: Piece) -> bool:
    """Whether the page completes another hundredth of the file: long files don't tell of every page."""
    return piece.page * 100 // piece.pages > (piece.page - 1) * 100 // piece.pages


class _Part:
    """A `FileText` in the making; `first` is the number of its first passage."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.tokens = 0
        self._passages: list[Passage] = []
        self._characters = 0

    @property
    def is_full(self) -> bool:
        return len(self._passages) >= PART_PASSAGES or self._characters >= PART_CHARACTERS

    def add(self, passage: Passage) -> None:
        self._passages.append(passage)
        self._characters += len(passage.text)
        self.tokens += estimated_tokens(passage.text)

    def text(self) -> FileText:
        index = index_of([passage.text for passage in self._passages], self.first)
        return FileText(tuple(self._passages), index, self.first)
