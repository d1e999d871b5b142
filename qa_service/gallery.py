"""This module takes the pictures that a model draws into their session, and makes the frames that show them."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from qa_service.deltas import Drawn
from qa_service.errors import QAError, Unavailable, Unreadable
from qa_service.file_news import FileEnd, FileNews, ReadPicture
from qa_service.frames import Image, StageNotice
from qa_service.interfaces import FileReader, PictureStore, Quotas, Stop
from qa_service.model import PICTURE_KINDS, Picture, ReadRequest, UploadedFile
from qa_service.picture_links import PictureLinks
from qa_service.turns import Admission, logged_id

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_UNSCALED_BYTES = 1_000_000
"""A picture with more bytes is scaled before it is kept."""


class Gallery(Struct, frozen=True):
    """A `Gallery` keeps drawn pictures. One that can't be kept ends no answer."""

    reader: FileReader
    pictures: PictureStore
    quotas: Quotas
    links: PictureLinks
    sniff: Callable[[bytes, str], str]
    """This tells the kind of a file by its bytes and its name."""
    pauses: Sequence[float] = (0.5, 1.0, 2.0)
    """What failed for a finished picture is tried again after each of these pauses, which are in seconds. A store may
    be away for a moment, and a busy machine may leave a reading process no time."""

    def show_picture(self, drawn: Drawn, admission: Admission, version: int, stop: Stop) -> Image | StageNotice:
        """Keep a picture instead of its earlier version, and make its frame. `version` counts the answer's pictures.

        Where there is nothing to show, the frame only says that a picture is being drawn. So a worker that takes the
        answer over makes as many frames as this one. That is so for a part of a picture that is too large: scaling it
        would take as long as drawing the next part.
        """
        owner, answer_id = admission.question.owner, admission.answer_id
        pauses = () if drawn.partial else self.pauses
        try:
            picture = _try_patiently(lambda: self._read(drawn, admission, stop), pauses, stop)
            if picture and _try_patiently(lambda: self._keep(picture, drawn.index, admission), pauses, stop):
                url = self.links.sign_link(owner, answer_id, drawn.index, version)
                return Image(drawn.index, drawn.partial, picture.mime_type, url)
        except (QAError, OSError) as error:
            log.warning("a picture of answer %s can't be shown: %s", logged_id(owner, answer_id), error)
        return StageNotice("generating_image")

    def _read(self, drawn: Drawn, admission: Admission, stop: Stop) -> Picture | None:
        if not drawn.path:
            return None
        size = Path(drawn.path).stat().st_size
        if size <= MOST_UNSCALED_BYTES:
            data = Path(drawn.path).read_bytes()
            kind = self.sniff(data, "")
            return Picture(f"image/{kind}", data) if kind in PICTURE_KINDS else None
        if drawn.partial:
            return None
        request = ReadRequest(UploadedFile("", drawn.path, size), admission.question.owner)
        return _find_picture(self.reader.read_upload(request, stop))

    def _keep(self, picture: Picture, index: int, admission: Admission) -> bool:
        owner, session_id = admission.question.owner, admission.session.session_id
        has_room = self.quotas.load_allowance(owner, session_id).bytes >= len(picture.data)
        return has_room and self.pictures.keep_picture(owner, session_id, admission.answer_id, index, picture)


def _try_patiently(step: Callable[[], T], pauses: Sequence[float], stop: Stop) -> T:
    """Take a step, and after each of the pauses again where it failed with what may pass."""
    for seconds in pauses:
        try:
            return step()
        except QAError as error:
            if not _may_pass(error):
                raise
        _wait(seconds, stop)
    return step()


def _may_pass(error: QAError) -> bool:
    return isinstance(error, Unavailable) or (isinstance(error, Unreadable) and error.reason == "timed_out")


def _wait(seconds: float, stop: Stop) -> None:
    """Wait for this many seconds, or until the stop comes."""
    woken = threading.Event()
    forget = stop.call_when_set(woken.set)
    woken.wait(seconds)
    forget()


def _find_picture(news: Iterator[FileNews]) -> Picture:
    """Find the picture among the news of a file, which are read to their end. Raises `Unreadable` where there is none,
    with the reason that the reader gives."""
    told = list(news)
    reason = next((one.verdict.reason for one in told if isinstance(one, FileEnd)), None)
    for one in told:
        if isinstance(one, ReadPicture):
            return one.picture
    raise Unreadable(reason or "damaged")
