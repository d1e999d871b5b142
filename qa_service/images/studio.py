"""This module begins the drawings of one worker, and finds those that are running."""

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from qa_service.desk import check_wait
from qa_service.errors import Cancelled, Interrupted, QAError, UpstreamNotConfigured, UpstreamTimeout
from qa_service.images.lines import failure_line
from qa_service.images.reading import LinesElsewhere, LinesHere, LineSource
from qa_service.images.running import RunningDrawing
from qa_service.images.writing import ImageOrder, write_lines
from qa_service.interfaces import DrawingPlace, DrawingShare, Limiter, LinesEnd, Meter, Upstream
from qa_service.language.phrases import build_failure
from qa_service.running.runner import Runner
from qa_service.running.stop import StopSignal
from qa_service.threads import start_thread

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
"""A drawing's claim is renewed, and its readers are counted, each time after this many seconds."""


class Studio(Struct, frozen=True):
    """A `Studio` draws pictures. A drawing takes a place in this worker, as an answer does, and counts as a
    question."""

    upstream: Upstream | None
    """It draws what a prompt says. It is None where no Responses API is configured."""
    share: DrawingShare
    limiter: Limiter
    runner: Runner
    meter: Meter
    identify: Callable[[str], str]
    """This makes the name by which upstream knows a caller."""
    folder: Path
    """The pictures lie here as long as somebody reads them."""
    seconds: float
    """A drawing may take this many seconds."""
    running: dict[tuple[str, str], RunningDrawing] = {}
    """These are the drawings that others may join, by their owner's key and their request."""

    def open_drawing(self, order: ImageOrder) -> LineSource:
        """Begin to draw what is ordered, or join a drawing that is running. The source must be left in the end.

        Raises `UpstreamNotConfigured`, `RateLimited`, `Draining`, `Overloaded` or `StoreUnavailable`.
        """
        try:
            return self._open(order)
        except QAError as error:
            self.meter.count_event("refusals", label=error.code)
            raise

    def _open(self, order: ImageOrder) -> LineSource:
        if self.upstream is None:
            raise UpstreamNotConfigured(
                "pictures need OPENAI_API_KEY for a Responses API and, where that isn't asked first, QA_IMAGE_MODEL"
            )
        joined = self.running.get((order.owner.key, order.request))
        if joined and not joined.end and not joined.stop.is_set():
            return LinesHere(joined)
        place = DrawingPlace(order.owner, order.request, secrets.token_hex(16))
        held = self.share.claim_drawing(place) if order.request else place.drawing_id
        if held != place.drawing_id:
            return LinesElsewhere(self.share, DrawingPlace(order.owner, order.request, held))
        return self._begin(order, place, self.upstream)

    def _begin(self, order: ImageOrder, place: DrawingPlace, upstream: Upstream) -> LineSource:
        share = self.share if order.request else None
        drawing = RunningDrawing(place, self.folder, seconds=self.seconds, share=share)
        source = LinesHere(drawing)
        try:
            check_wait(self.limiter.take_question(order.owner))
            self.runner.reserve_place()
        except QAError:
            drawing.end_lines("cut")
            raise
        if order.request:
            self.running[order.owner.key, order.request] = drawing
        self.runner.run_beside(lambda: self._draw(drawing, order, upstream), drawing.stop)
        return source

    def _draw(self, drawing: RunningDrawing, order: ImageOrder, upstream: Upstream) -> None:
        end: LinesEnd = "cut"
        try:
            self._add_lines(drawing, order, upstream)
            end = "whole"
        except QAError as error:
            if drawing.stop.reason != "hangup":
                drawing.add_line(failure_line(build_failure(_explain(error, drawing.stop), order.language)))
        except Exception:
            log.exception("pictures could not be drawn")
            drawing.add_line(failure_line(build_failure(QAError("internal error"), order.language)))
        finally:
            if self.running.get((order.owner.key, order.request)) is drawing:
                del self.running[order.owner.key, order.request]
            drawing.end_lines(end)

    def _add_lines(self, drawing: RunningDrawing, order: ImageOrder, upstream: Upstream) -> None:
        start_thread(threading.Thread(target=_look_after, args=(drawing,), name="drawing", daemon=True))
        identifier = self.identify(order.owner.key + order.owner.address)
        for line in write_lines(upstream, order, identifier, drawing.keep_file, drawing.stop):
            drawing.add_line(line)


def _look_after(drawing: RunningDrawing) -> None:
    while not drawing.wait_for_end(_LOOK_SECONDS):
        drawing.look_around()


def _explain(error: QAError, stop: StopSignal) -> QAError:
    if not isinstance(error, Cancelled):
        return error
    if stop.reason == "timeout":
        return UpstreamTimeout("the pictures took longer than this server allows")
    return Interrupted("the worker was stopped")
