"""This module takes an uploaded file into a session. The file is read, kept as far as the quotas allow, and listed.

The same bytes sent again are the same file: it isn't read a second time, and belongs to the topic of the new question
from then on.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from qa_service.file_news import FileBegin, FileEnd, FileProgress, FileText, ReadPicture
from qa_service.frames import StageNotice
from qa_service.interfaces import FileReader, FileStore, Quotas, Stop
from qa_service.model import FilePicture, Owner, ReadRequest, StoredFile, UploadedFile, Verdict
from qa_service.pause import LongWork
from qa_service.storable import storable

HASHED_BYTES = 256 << 10
"""This many bytes of an upload are hashed at once."""
OVER_QUOTA = "over_quota"
"""This reason says that a file wasn't taken, or not to its end, because the session or its owner has used up what is
allowed."""


class FilePlace(Struct, frozen=True):
    """A `FilePlace` says where a file goes: into whose session, under which id, and into which topic."""

    owner: Owner
    session_id: str
    file_id: str
    topic: int


class Intake(Struct, frozen=True):
    """An `Intake` takes files into sessions. A file beyond a quota gets a verdict and is no error."""

    files: FileStore
    quotas: Quotas
    reader: FileReader

    def take_in(
        self, upload: UploadedFile, place: FilePlace, stop: Stop, known: Sequence[StoredFile] = ()
    ) -> Generator[StageNotice, None, tuple[StoredFile, Verdict]]:
        """Yield the progress, and return the file as the session has it, with its verdict. A file isn't read, and isn't
        listed with the session, where the quota is used up already. `known` are the files that the session has."""
        digest = _hash_upload(upload)
        if same := _find_same(digest, known):
            return self._take_again(same, upload, place)
        stored, verdict = yield from self._take_new(upload, place, stop, digest)
        return stored, verdict

    def _take_again(self, same: StoredFile, upload: UploadedFile, place: FilePlace) -> tuple[StoredFile, Verdict]:
        stored = replace(same, topic=place.topic)
        if stored != same:
            self.files.finish_file(place.owner, place.session_id, stored)
        return stored, Verdict(upload.name, same.kind, same.status, same.reason, same.pages, same.tokens)

    def _take_new(
        self, upload: UploadedFile, place: FilePlace, stop: Stop, digest: str
    ) -> Generator[StageNotice, None, tuple[StoredFile, Verdict]]:
        allowance = self.quotas.load_allowance(place.owner, place.session_id)
        taken = _Taken(allowance.bytes)
        request = ReadRequest(upload, place.owner, allowance.seconds)
        verdict = None if allowance.is_used_up else (yield from self._read(request, place, taken, stop))
        if verdict is None:
            verdict = Verdict(upload.name, "unknown", "skipped", OVER_QUOTA)
            return _describe_file(place, verdict, taken), verdict
        stored = replace(_describe_file(place, verdict, taken), digest=digest)
        self.files.finish_file(place.owner, place.session_id, stored)
        return stored, verdict

    def _read(
        self, request: ReadRequest, place: FilePlace, taken: "_Taken", stop: Stop
    ) -> Generator[StageNotice, None, Verdict | None]:
        """Read the file, and keep what fits. The result is None where other files have used up the quota while this one
        waited for its turn. Whoever sends hundreds of files at once would otherwise have all of them read."""
        name = request.file.name
        verdict = Verdict(name, "unknown", "failed", "damaged")
        for news in self.reader.read_upload(request, stop):
            match news:
                case FileBegin() if self.quotas.load_allowance(place.owner, place.session_id).is_used_up:
                    return None
                case FileProgress(page=page, pages=pages):
                    yield storable(StageNotice("reading_file", name=name, page=page, pages=pages or None))
                case FileText(passages=passages) if taken.has_room(sum(len(one.text.encode()) for one in passages)):
                    taken.add_text(news, self._keep(news, place, name))
                case ReadPicture(picture=picture) if taken.has_room(len(picture.data)):
                    number = taken.add_picture(news)
                    self.files.add_picture(place.owner, place.session_id, place.file_id, picture, number)
                case FileEnd(verdict=verdict, seconds=seconds):
                    storable(verdict)
                    self.quotas.spend_seconds(place.owner, seconds)
        return taken.verdict(verdict)

    def _keep(self, part: FileText, place: FilePlace, name: str) -> int:
        named = tuple(replace(passage, file_id=place.file_id, file=name) for passage in part.passages)
        return self.files.add_part(place.owner, place.session_id, place.file_id, replace(part, passages=named))


class _Taken:
    """This counts how much of a file's text and pictures was taken. After the first part that doesn't fit into `room`
    bytes, nothing more is taken.

    What a part takes in the store is known only when it is there. So the last part may take some more than `room`.
    """

    def __init__(self, room: int) -> None:
        self.passages = 0
        self.pictures: list[FilePicture] = []
        self.size = 0
        self._room = room
        self._is_full = False

    def has_room(self, size: int) -> bool:
        """Tell whether there is room for a part of at least this many bytes."""
        self._is_full = self._is_full or self.size + size > self._room
        return not self._is_full

    def add_text(self, part: FileText, size: int) -> None:
        """Count a part that takes this many bytes of the store."""
        self.passages += len(part.passages)
        self.size += size

    def add_picture(self, part: ReadPicture) -> int:
        """Count a picture, and return how many the file has with it."""
        self.pictures.append(part.described)
        self.size += len(part.picture.data)
        return len(self.pictures)

    def verdict(self, read: Verdict) -> Verdict:
        """Return the reader's verdict; where there was no room for all of the text, its reason is `over_quota`."""
        if not self._is_full:
            return read
        return replace(read, status="truncated" if self.passages or self.pictures else "skipped", reason=OVER_QUOTA)


def _hash_upload(upload: UploadedFile) -> str:
    """Hash the bytes of an upload. The hash is empty where they can't be read, which the reader tells then."""
    digest, work = blake2b(digest_size=16), LongWork()
    with suppress(OSError), open(upload.path, "rb") as file:
        for piece in iter(partial(file.read, HASHED_BYTES), b""):
            digest.update(piece)
            work.end_step()
        return digest.hexdigest()
    return ""


def _find_same(digest: str, known: Sequence[StoredFile]) -> StoredFile | None:
    """Find the file with these bytes. One that wasn't read to its end is none, because another try may get further."""
    return next((file for file in known if digest and file.digest == digest and file.status == "used"), None)


def _describe_file(place: FilePlace, verdict: Verdict, taken: _Taken) -> StoredFile:
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
        unread_pages=verdict.unread_pages,
        pictures=tuple(taken.pictures),
    )
