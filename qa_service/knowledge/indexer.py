"""This module reads documents that wait, and gives passages their vectors. It runs in a process of its own."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Protocol

from msgspec import Struct

from qa_service.errors import Overloaded, QAError, StoreUnavailable, Unreadable
from qa_service.file_news import FileEnd, FileText, ReadPicture
from qa_service.files.parsed import DOCUMENT_PAGE, Parsed
from qa_service.interfaces import FileReader, Stop
from qa_service.knowledge.documents import DocumentPassage, DocumentText
from qa_service.knowledge.vectors import MissingVectors
from qa_service.knowledge.waiting import MOST_ATTEMPTS, ClaimedDocument, WaitingDocuments
from qa_service.knowledge.web_pages import LARGEST_PAGE, read_web_page
from qa_service.links import is_web_address
from qa_service.model import Owner, Passage, ReadRequest, UploadedFile, Verdict
from qa_service.running.stop import StopSignal
from qa_service.threads import start_thread

log = logging.getLogger(__name__)


class DocumentReader(FileReader, Protocol):
    """A `DocumentReader` reads documents of any kind, outside of this process."""

    def parse_content(
        self, request: bytes, content: bytes, charset: str, *, seconds: float | None, stop: Stop
    ) -> Parsed:
        """Parse a page, as a `ParseContent` does. `Unreadable` has the reason `over_quota` where these seconds were too
        few, and `stopped` after a stop."""


class IndexerPace(Struct, frozen=True):
    """An `IndexerPace` holds the durations of an indexer, in seconds."""

    renewal: float = 5.0
    """A lease is renewed once in this many seconds."""
    pause: float = 0.2
    """While nothing waits, an indexer looks once in this many seconds whether something does."""
    patience: float = 2.0
    """When nothing has waited for this long, `run` returns."""
    outage: float = 1.0
    """After a failure of the database, an indexer waits this long."""


_NO_TIME = ("over_quota", "stopped", "timed_out")
"""A page that isn't parsed for one of these reasons isn't read as a file either."""


class Indexer:
    """An `Indexer` does the work that waits, piece by piece. Any number of indexers may do so at once, on any number of
    machines. `folder` is where a document lies while it is read."""

    def __init__(
        self,
        waiting: WaitingDocuments,
        reader: DocumentReader,
        vectors: MissingVectors | None,
        *,
        folder: Path,
        pace: IndexerPace | None = None,
    ) -> None:
        self._waiting = waiting
        self._reader = reader
        self._vectors = vectors
        self._folder = folder
        self._pace = pace or IndexerPace()

    def run(self) -> None:
        """Work until nothing has waited for some time. Where the database is away, this waits and tries again."""
        if self._vectors:
            self._insist(self._vectors.choose_encoder)
        last = time.monotonic()
        while time.monotonic() - last < self._pace.patience:
            if self._insist(self.work_once):
                last = time.monotonic()
            else:
                time.sleep(self._pace.pause)

    def has_work(self) -> bool:
        """Tell whether something waits. Where the database is away, nothing can be done, and the answer is no."""
        try:
            return self._waiting.has_work(self._vectors.encoder if self._vectors else "")
        except StoreUnavailable:
            return False

    def work_once(self) -> bool:
        """Read one document and encode one batch of passages, and return whether there was anything to do. Raises
        `StoreUnavailable`."""
        has_read, has_encoded = self.index_next(), bool(self._vectors and self._vectors.encode_batch())
        if self._vectors and not (has_read or has_encoded):
            self._vectors.build_indexes()
        return has_read or has_encoded

    def index_next(self) -> bool:
        """Read the document that has waited longest, and return whether there was one. Raises `StoreUnavailable`; the
        document waits again then when its lease has run out."""
        claimed = self._waiting.claim_document()
        if claimed is None:
            return False
        stop = StopSignal()
        try:
            with self._renewed(claimed, stop):
                text = self._read(claimed, stop)
        except (Overloaded, OSError) as error:  # The document has nothing to do with it.
            log.warning("a document waits, because of this: %s", error)
            self._waiting.return_document(claimed)
            time.sleep(self._pace.outage)
            return True
        if not stop.is_set():
            self._waiting.finish_document(claimed, text)
        return True

    def _read(self, claimed: ClaimedDocument, stop: Stop) -> DocumentText:
        if claimed.is_read:
            return DocumentText(self._waiting.load_passages(claimed))
        if claimed.attempts > MOST_ATTEMPTS:
            return DocumentText(reason="damaged")
        with self._written(claimed) as upload:
            return self._read_as_page(claimed, upload, stop) or self._read_upload(claimed, upload, stop)

    def _read_as_page(self, claimed: ClaimedDocument, upload: UploadedFile, stop: Stop) -> DocumentText | None:
        """Read the main text of a web page. Returns None where the file is no page of HTML, or one that can't be parsed
        as a page, and is read as any file."""
        if not is_web_address(upload.name) or upload.size > LARGEST_PAGE:
            return None
        content, seconds = Path(upload.path).read_bytes(), self._waiting.load_seconds(claimed)
        began = time.monotonic()
        try:
            parsed = self._reader.parse_content(DOCUMENT_PAGE, content, upload.charset, seconds=seconds, stop=stop)
        except Unreadable as error:
            parsed = Parsed(reason=error.reason)
        self._waiting.spend_seconds(claimed, time.monotonic() - began)
        if not parsed.reason:
            return read_web_page(parsed.page)
        return DocumentText(reason=parsed.reason) if parsed.reason in _NO_TIME else None

    @contextmanager
    def _written(self, claimed: ClaimedDocument) -> Iterator[UploadedFile]:
        """Give the document as a file, which is gone after the context. Its name is that of an upload, so that it is
        deleted where this process dies before that."""
        descriptor, path = mkstemp(prefix="upload-", dir=self._folder)
        try:
            with open(descriptor, "wb") as file:
                size = sum(file.write(part) for part in self._waiting.load_upload(claimed))
            yield UploadedFile(claimed.name, path, size, claimed.charset)
        finally:
            Path(path).unlink(missing_ok=True)

    def _read_upload(self, claimed: ClaimedDocument, upload: UploadedFile, stop: Stop) -> DocumentText:
        request = ReadRequest(upload, Owner("site", claimed.owner), self._waiting.load_seconds(claimed))
        passages: list[DocumentPassage] = []
        verdict = Verdict(request.file.name, "unknown", "failed")
        has_pictures = False
        for news in self._reader.read_upload(request, stop):
            if isinstance(news, FileText):
                passages.extend(map(_keep_passage, news.passages))
            elif isinstance(news, ReadPicture):
                has_pictures = True
            elif isinstance(news, FileEnd):
                verdict = news.verdict
                self._waiting.spend_seconds(claimed, news.seconds)
        # What is seen and not read, as a picture, gives no text to find.
        reason = verdict.reason or (None if passages and not has_pictures else "no_text_layer")
        return DocumentText(passages, verdict.kind, reason, verdict.pages)

    @contextmanager
    def _renewed(self, claimed: ClaimedDocument, stop: StopSignal) -> Iterator[None]:
        """Renew the lease within the context, and stop when the document is somebody else's."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._pace.renewal):
                try:
                    if not self._waiting.renew_claim(claimed):
                        stop.set("lost")
                except StoreUnavailable:
                    log.warning("a lease could not be renewed, because the knowledge base does not answer")

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        start_thread(thread)
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _insist(self, work: Callable[[], bool | None]) -> bool:
        """Do this work, and wait where it fails. The database may be away for a while, and one document that fails
        must not keep the others from being read."""
        try:
            return bool(work())
        except QAError as error:
            log.warning("indexing waits: %s", error.message)
            time.sleep(self._pace.outage)
            return True


def _keep_passage(passage: Passage) -> DocumentPassage:
    return DocumentPassage(passage.text, passage.page, passage.section, passage.paged, passage.place)
