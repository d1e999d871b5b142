"""Carries requests over lines that are kept for the next, and one response over as many as it takes."""

import random
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

import httpx2
import openai

from qa_service.errors import Cancelled, UpstreamError, UpstreamUnavailable
from qa_service.interfaces import Stop
from qa_service.upstream.failures import FOREIGN, mapped, read_refusal, retry_after
from qa_service.upstream.line import Line, Patience
from qa_service.upstream.protocol import EventReader
from qa_service.upstream.requests import Requests
from qa_service.upstream.watch import Watch
from qa_service.upstream.way import way_to

Note: TypeAlias = Callable[[UpstreamError], None]
"""Is told of every request that failed."""

_KEPT_LINES = 64
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_LONGEST_WAIT = 10.0
_ID_SECONDS = 0.5
"""How long a stop waits for the id of a response that upstream keeps."""
_ASKED = httpx2.Request("POST", "https://upstream")
"""What the SDK's errors want to know of a request, and nobody is told."""
_BRIEFLY = Patience(connect=0.5, first_token=0.5, idle=0.5)


class Carrier:
    """Holds the connections to one upstream; one for a process, for all its threads."""

    def __init__(self, client: openai.OpenAI, *, patience: Patience, tries: int, note: Note) -> None:
        self.requests = Requests(client)
        self._way = way_to(client.base_url)
        self._patience = patience
        self._tries = tries
        self._note = note
        self._watch = Watch()
        self._idle: list[Line] = []
        self.close = weakref.finalize(self, _hang_up, self._idle)
        """Closes the connections that are kept for later; happens by itself when nobody uses this any more."""

    def carry(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Generator[bytes]:
        """The bytes of a response, as they come. Where upstream keeps it, a break is followed by another connection
        that brings the rest, at most `tries` times without a new event. The message is made when it is sent: a stream
        that is open for minutes doesn't hold it."""
        fruitless = 0
        while True:
            seen = reader.last
            try:
                yield from self._once(message, reader, stop)
                if not reader.resumable:
                    return  # the reader says what the end of the body means
                broken: UpstreamError = UpstreamUnavailable("upstream ended without its terminal event")
            except UpstreamError as error:
                broken = error
            fruitless = 0 if reader.last > seen else fruitless + 1
            if not reader.resumable or not passing(broken) or fruitless >= self._tries:
                raise broken
            self._note(broken)
            wait(pause(fruitless, broken), stop)
            reader.reconnect()
            message = partial(self.requests.follow, reader.response_id, reader.last)

    def cancel(self, response_id: str) -> None:
        """Have upstream end a response that it keeps, as well as that can be done in a moment."""
        line = Line(self._way, _BRIEFLY)
        with suppress(UpstreamError, *FOREIGN), self._watch.over(line):
            line.send(self.requests.cancel(response_id))
        line.hang_up()

    def _once(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Iterator[bytes]:
        with mapped(stop), self._line(reader, stop) as line, self._watch.over(line):
            _send(line, message())
            try:
                while (piece := line.read()) and not _over(reader, stop):
                    yield piece
                    if _over(reader, stop):  # what was read has told the id, and no more may come for a while
                        break
                    if reader.working:
                        line.settle()
            finally:
                if reader.ended:
                    line.finish()
        if stop.is_set():
            raise Cancelled

    @contextmanager
    def _line(self, reader: EventReader, stop: Stop) -> Iterator[Line]:
        try:
            line = self._idle.pop()
        except IndexError:
            line = Line(self._way, self._patience)
        forget = stop.call(lambda: line.leave(_ID_SECONDS) if reader.nameless else line.shut())
        try:
            yield line
        finally:
            forget()
            # A stop that came last may be about to shut the line.
            if line.kept() and not stop.is_set() and len(self._idle) < _KEPT_LINES:
                self._idle.append(line)
            else:
                line.hang_up()
            self._hang_up_stale()

    def _hang_up_stale(self) -> None:
        """Who comes takes the line that was used last: after a rush the first ones would stay forever."""
        with suppress(IndexError):
            while self._idle[0].stale():
                self._idle.pop(0).hang_up()


def _send(line: Line, message: bytes) -> None:
    reply = line.send(message)
    if reply.status != HTTPStatus.OK:
        raise read_refusal(line.response(reply, _ASKED))


def _over(reader: EventReader, stop: Stop) -> bool:
    """Without its id, a response that upstream keeps couldn't be cancelled."""
    return stop.is_set() and not reader.nameless


def passing(error: UpstreamError) -> bool:
    """Whether the same can be asked again, within a wait that is worth it."""
    return error.retryable and (retry_after(error) or 0) <= _LONGEST_WAIT


def pause(failures: int, error: UpstreamError) -> float:
    """The seconds before the next try after so many failures: what upstream asked for, or longer each time."""
    longer = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
    return retry_after(error) or longer * random.uniform(0.75, 1)  # noqa: S311 - spreads tries, hides nothing


def wait(seconds: float, stop: Stop) -> None:
    """Raises `Cancelled` as soon as `stop` is set."""
    woken = threading.Event()
    forget = stop.call(woken.set)
    stopped = woken.wait(seconds)
    forget()
    if stopped:
        raise Cancelled


def _hang_up(lines: list[Line]) -> None:
    while lines:
        lines.pop().hang_up()
