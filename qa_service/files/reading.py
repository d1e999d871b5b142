"""This module makes reports of a file: it finds the kind, reads the text, and splits it into indexed passages.

It runs in a reading process. All computing on a file is done here, so that the worker only passes the results on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from qa_service.errors import Unreadable
from qa_service.file_news import FileProgress, FileText, ReadPicture
from qa_service.files.decoding import clean_file_text
from qa_service.files.kinds import read_segments
from qa_service.files.limits import LONGEST_PLACE_NAME, MOST_CHARACTERS, MOST_FILE_PAGES, MOST_FILE_PASSAGES
from qa_service.files.report import FileReport, final_verdict
from qa_service.files.segment import RawFile, Segment
from qa_service.files.sniffing import sniff_kind
from qa_service.model import FilePicture, Passage, Place, UploadedFile, Verdict
from qa_service.retrieval.describing import describe_passage
from qa_service.retrieval.lexical import build_index
from qa_service.retrieval.splitting import estimate_tokens, split_passages

PART_PASSAGES = 64
PART_CHARACTERS = 3_000
"""A part of a file ends when it has this many characters, or `PART_PASSAGES`. It then has about a thousand words, and
the worker needs a millisecond to decode it."""


def read_file(file: UploadedFile, content: bytes) -> Iterator[FileReport]:
    """Give the reports on a file. The last one has the final verdict.

    For a broken file this may raise any error that the parser raises. The process then ends without a last report,
    which the worker takes for `damaged`.
    """
    kind = sniff_kind(content, file.name)
    reading = _Reading(Verdict(name=file.name, kind=kind, status="used"))
    yield FileReport(reading.verdict)
    reason = None
    try:
        yield from reading.reports(_bounded(read_segments(kind, RawFile(content, file.charset))))
    except Unreadable as error:
        reason = error.reason
    except MemoryError:
        reason = "too_large"
    except RecursionError:
        reason = "damaged"
    rest = reading.report()
    yield replace(rest, verdict=reading.judge(reason), last=True)


def _bounded(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Give the segments with their text cleaned. Raises `Unreadable` where the file has more than `MOST_FILE_PAGES` or
    `MOST_CHARACTERS`."""
    left = MOST_CHARACTERS
    for segment in segments:
        if segment.page > MOST_FILE_PAGES:
            raise Unreadable("too_large")
        text = clean_file_text(segment.text)
        named = replace(segment, section=_clean_name(segment.section), place=_clean_place(segment.place))
        yield replace(named, text=text[:left] if text.strip() else "")
        left -= len(text)
        if left < 0:
            raise Unreadable("too_large")


def _clean_place(place: Place) -> Place:
    part, label, sheet = map(_clean_name, (place.part, place.label, place.sheet))
    return replace(place, part=part, label=label, sheet=sheet)


def _clean_name(name: str) -> str:
    """Return a name within the file as people see it: in one line, without what nobody sees, and not too long."""
    return " ".join(clean_file_text(name[: 4 * LONGEST_PLACE_NAME]).split())[:LONGEST_PLACE_NAME] if name else ""


class _Reading:
    """A `_Reading` makes reports of the segments of one file. It keeps only the part that isn't reported yet, so that
    its memory is bounded."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self._part = _Part(0)
        self._reasons: Counter[str] = Counter()

    def reports(self, segments: Iterable[Segment]) -> Iterator[FileReport]:
        for segment in segments:
            is_news = segment.page > self.verdict.pages and _is_due(segment)
            self.verdict = replace(self.verdict, pages=segment.page)
            if is_news:
                yield FileReport(self.verdict, progress=FileProgress(segment.page, segment.pages))
            if segment.picture is not None:
                self.verdict = replace(self.verdict, tokens=self.verdict.tokens + segment.tokens)
                described = FilePicture(segment.page, segment.tokens, segment.place.part)
                yield FileReport(self.verdict, picture=ReadPicture(segment.picture, described))
            if segment.unread and segment.page not in self.verdict.unread_pages[-1:]:
                self._reasons[segment.unread] += 1
                self.verdict = replace(self.verdict, unread_pages=(*self.verdict.unread_pages, segment.page))
            yield from self._texts(segment)

    def judge(self, reason: str | None) -> Verdict:
        """Return the final verdict, where reading ended for `reason` or, without one, at the file's end. Pages that
        can't be read give the reason that most of them have."""
        if reason or not self._reasons:
            return final_verdict(self.verdict, reason)
        ((reason, _),) = self._reasons.most_common(1)
        if self.verdict.tokens:
            return replace(self.verdict, status="partly", reason=reason)
        return final_verdict(self.verdict, reason)

    def _texts(self, segment: Segment) -> Iterator[FileReport]:
        for text in split_passages(segment.text):
            if self._part.end >= MOST_FILE_PASSAGES:
                raise Unreadable("too_large")
            self._part.add(
                Passage(
                    "",
                    self.verdict.name,
                    text,
                    page=segment.page,
                    section=segment.section,
                    paged=segment.paged,
                    place=segment.place,
                )
            )
            if self._part.is_full:
                yield self.report()

    def report(self) -> FileReport:
        """Return a report with the current part, and begin the next part. The report of an empty part has no text."""
        part, text = self._part, self._part.text()
        self._part = _Part(part.first + len(text.passages))
        self.verdict = replace(self.verdict, tokens=self.verdict.tokens + part.tokens)
        return FileReport(self.verdict, text=text if text.passages else None)


def _is_due(segment: Segment) -> bool:
    """Return whether the page completes another hundredth of the file. So a long file doesn't report every page. Where
    it is unknown how many pages the file has, each of them counts."""
    return not segment.pages or segment.page * 100 // segment.pages > (segment.page - 1) * 100 // segment.pages


class _Part:
    """A `_Part` collects passages for one `FileText`. `first` is the number of its first passage in the file."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.tokens = 0
        self._passages: list[Passage] = []
        self._characters = 0

    @property
    def is_full(self) -> bool:
        return len(self._passages) >= PART_PASSAGES or self._characters >= PART_CHARACTERS

    @property
    def end(self) -> int:
        """Return how many passages the file has so far."""
        return self.first + len(self._passages)

    def add(self, passage: Passage) -> None:
        self._passages.append(passage)
        self._characters += len(passage.text)
        self.tokens += estimate_tokens(passage.text)

    def text(self) -> FileText:
        index = build_index([describe_passage(passage) for passage in self._passages], self.first)
        return FileText(tuple(self._passages), index, self.first)
