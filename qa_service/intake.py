"""An uploaded file on its way into a session: read, kept as far as the quotas allow, and listed."""

import time
from collections.abc import Generator

from msgspec import Struct
from msgspec.structs import replace

from qa_service.frames import StageNotice
from qa_service.interfaces import FileReader, FileStore, Quotas, Stop
from qa_service.model import FileEnd, FileProgress, FileText, Owner, ReadRequest, StoredFile, UploadedFile, Verdict
from qa_service.storable import storable

OVER_QUOTA = "over_quota"
"""Why a file isn't read, or not to its end: the session or its owner has used up what is allowed."""


class FilePlace(Struct, frozen=True):
    """Where a file goes: whose session, under which id, and in which topic."""

    owner: Owner
    session_id: str
    file_id: str
    topic: int


class Intake(Struct, frozen=True):
    """Takes files in. A file beyond a quota gets a verdict and is no error."""

    files: FileStore
    quotas: Quotas
    reader: FileReader

    def take_in(
        self, upload: UploadedFile, place: FilePlace, stop: Stop
    ) -> Generator[StageNotice, None, tuple[StoredFile, Verdict]]:
        """Tell of the progress, and return the file as the session has it, and what became of it. A file for which
        nothing is left isn't read, and isn't listed with the session."""
        allowance = self.quotas.load_allowance(place.owner, place.session_id)
        taken = _Taken(allowance.bytes)
        if allowance.is_used_up:
            verdict = Verdict(upload.name, "unknown", "skipped", OVER_QUOTA)
            return _listed(place, verdict, taken), verdict
        request = ReadRequest(upload, place.owner, allowance.seconds)
        verdict = yield from self._read(request, place, taken, stop)
        stored = _listed(place, verdict, taken)
        self.files.finish_file(place.owner, place.session_id, stored)
        return stored, verdict

    def _read(
        self, request: ReadRequest, place: FilePlace, taken: "_Taken", stop: Stop
    ) -> Generator[StageNotice, None, Verdict]:
        name = request.file.name
        verdict = Verdict(name, "unknown", "failed", "damaged")
        for news in self.reader.read_upload(request, stop):
            match news:
                case FileProgress(page=page, pages=pages):
                    yield storable(StageNotice("reading_file", name=name, page=page, pages=pages or None))
                case FileText() if taken.fits(news):
                    self._keep(news, place, name)
                case FileEnd(verdict=verdict, seconds=seconds):
                    storable(verdict)
                    self.quotas.spend_seconds(place.owner, seconds)
        return taken.verdict(verdict)

    def _keep(self, part: FileText, place: FilePlace, name: str) -> None:
        named = tuple(replace(passage, file_id=place.file_id, file=name) for passage in part.passages)
        self.files.add_part(place.owner, place.session_id, place.file_id, replace(part, passages=named))


class _Taken:
    """How much of a file's text was taken, at most `room` bytes. Nothing is taken behind a part that had no room."""

    def __init__(self, room: int) -> None:
        self.passages = 0
        self.size = 0
        self._room = room
        self._is_full = False

    def fits(self, part: FileText) -> bool:
        """Whether there is room for this part, too; then it counts."""
        size = sum(len(passage.text.encode()) for passage in part.passages)
        self._is_full = self._is_full or self.size + size > self._room
        if not self._is_full:
            self.size += size
            self.passages += len(part.passages)
        return not self._is_full

    def verdict(self, read: Verdict) -> Verdict:
        """The reader's verdict, or what it is where there was no room for all of the text."""
        if not self._is_full:
            return read
        return replace(read, status="truncated" if self.passages else "skipped", reason=OVER_QUOTA)


def _listed(place: FilePlace, verdict: Verdict, taken: _Taken) -> StoredFile:
    return StoredFile(
        place.file_id,
        verdict.name,
        verdict.kind,
        verdict.status,
        place.topic,
        reason=verdict.reason,
        pages=verdict.pages,
        tokens=verdict.tokens,
        passages=taken.passages,
        added=time.time(),
        size=taken.size,
    )
