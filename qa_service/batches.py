"""This module takes the files of one question into a session, side by side.

How many of them are really read at once is up to the reader, which has one slot for each processor. Files that may be
the same, which those of equal length are, come one after another, so that the second one is known. So do all files
where the quota is nearly used up, because each must see what the one before has taken.
"""

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

from msgspec import Struct

from qa_service.frames import StageNotice
from qa_service.intake import FilePlace, Intake
from qa_service.interfaces import Stop
from qa_service.model import StoredFile, UploadedFile, Verdict
from qa_service.threads import submit_task

AMPLE_BYTES, AMPLE_SECONDS = 8_000_000, 30
"""A file takes hardly ever more of a quota than this many bytes of text and this many seconds of reading."""

Upload: TypeAlias = tuple[UploadedFile, FilePlace]


class TakenFile(Struct, frozen=True):
    """A `TakenFile` is a file as the session has it, and what became of it."""

    stored: StoredFile
    verdict: Verdict


_News: TypeAlias = StageNotice | TakenFile


class FileBatch:
    """A `FileBatch` takes in the files of one question. `known` are the files that the session has."""

    def __init__(self, intake: Intake, known: Sequence[StoredFile], stop: Stop) -> None:
        self._intake = intake
        self._known = list(known)
        self._stop = stop

    def take_in_all(self, uploads: Sequence[Upload]) -> Iterator[_News]:
        """Yield the progress, and each file as soon as it is taken in. After a stop no other file is begun.

        An error ends this when the files that are being read are taken in.
        """
        first = self._choose_first(uploads)
        if first:
            yield from self._take_side_by_side(first)
        for number, upload in enumerate([upload for upload in uploads if upload not in first]):
            if (first or number) and self._stop.is_set():
                return
            yield from self._take_in(upload)

    def _choose_first(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Choose the files that are taken in side by side. There are none where the quota may not suffice for all."""
        if len(uploads) <= 1:
            return []
        place = uploads[0][1]
        left, count = self._intake.quotas.load_allowance(place.owner, place.session_id), len(uploads)
        is_ample = left.bytes >= count * AMPLE_BYTES and left.seconds >= count * AMPLE_SECONDS
        if left.files < count or not is_ample:
            return []
        different = list({file.size: (file, place) for file, place in reversed(uploads)}.values())[::-1]
        return different if len(different) > 1 else []

    def _take_side_by_side(self, uploads: Sequence[Upload]) -> Iterator[_News]:
        # The class is looked up here, because a server may replace it after this module is imported.
        news: queue.SimpleQueue[_News | Future[None]] = queue.SimpleQueue()
        with ThreadPoolExecutor(len(uploads), "files") as pool:
            left = len(uploads)
            for upload in uploads:
                submit_task(pool, self._tell_news, upload, news).add_done_callback(news.put)
            while left:
                piece = news.get()
                if isinstance(piece, Future):
                    piece.result()
                    left -= 1
                else:
                    yield piece

    def _tell_news(self, upload: Upload, news: "queue.SimpleQueue[_News | Future[None]]") -> None:
        for piece in self._take_in(upload):
            news.put(piece)

    def _take_in(self, upload: Upload) -> Iterator[_News]:
        file, place = upload
        yield StageNotice("reading_file", name=file.name)
        stored, verdict = yield from self._intake.take_in(file, place, self._stop, self._known)
        self._known.append(stored)
        yield TakenFile(stored, verdict)
