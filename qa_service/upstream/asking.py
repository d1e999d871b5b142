"""Asks upstream through the SDK's client and reads the raw stream: connections, tries, waits and stops."""

import random
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from typing import TypeAlias

import httpx2
import openai

from qa_service.errors import Cancelled, UpstreamError
from qa_service.interfaces import Stop
from qa_service.model import Delta, Retrying
from qa_service.upstream.failures import mapped, retry_after
from qa_service.upstream.line import Line, Patience, way_to

Read: TypeAlias = Callable[[Iterable[bytes]], Iterator[Delta]]
"""From the bytes of a stream to its deltas: at least one, and an error where the stream doesn't end as it should."""

_KEPT_LINES = 64
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_LONGEST_WAIT = 10.0
# The first is how the SDK is told to leave the body unread; the second keeps the stream uncompressed.
_HEADERS = {"X-Stainless-Raw-Response": "stream", "Accept-Encoding": "identity"}


class Asker:
    """Holds the connections to one upstream and knows how often to try; one for a process, for all its threads."""

    def __init__(self, client: openai.OpenAI, *, patience: Patience, tries: int) -> None:
        self._client = client
        self._way = way_to(client.base_url)
        self._patience = patience
        self._tries = tries
        self._idle: list[Line] = []
        self.close = weakref.finalize(self, _hang_up, self._idle)
        """Closes the connections that are kept for later; happens by itself when nobody uses this any more."""

    @contextmanager
    def ask(self, path: str, body: Mapping[str, object], read: Read, stop: Stop) -> Iterator[Iterator[Delta]]:
        """The deltas of one answer. Upstream is asked again only while nothing has come, saying so each time."""
        with closing(self._tried(path, body, read, stop)) as deltas:
            yield deltas

    def _tried(self, path: str, body: Mapping[str, object], read: Read, stop: Stop) -> Generator[Delta]:
        for attempt in count(1):
            with self._line(stop) as line:
                deltas = _once(line, path, body, read, stop)
                try:
                    first = next(deltas)
                except UpstreamError as error:
                    pause = self._before_next(attempt, error)
                    reason = error.code
                else:
                    line.settle()
                    yield first
                    yield from deltas
                    return
            yield Retrying(attempt + 1, reason)
            _wait(pause, stop)

    @contextmanager
    def _line(self, stop: Stop) -> Iterator[Line]:
        try:
            line = self._idle.pop()
        except IndexError:
            line = Line(self._client, self._way, self._patience)
        forget = stop.call(line.shut)
        try:
            yield line
        finally:
            forget()
            if line.kept() and len(self._idle) < _KEPT_LINES:
                self._idle.append(line)
            else:
                line.hang_up()

    def _before_next(self, attempt: int, error: UpstreamError) -> float:
        """The seconds to wait before the next try; raises the error where there is none."""
        asked = retry_after(error)
        if attempt >= self._tries or not error.retryable or (asked or 0) > _LONGEST_WAIT:
            raise error
        pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        return asked or pause * random.uniform(0.75, 1)  # noqa: S311 - spreads tries, hides nothing


def _hang_up(lines: list[Line]) -> None:
    while lines:
        lines.pop().hang_up()


def _once(line: Line, path: str, body: Mapping[str, object], read: Read, stop: Stop) -> Iterator[Delta]:
    with mapped(stop):
        response = line.client.post(path, cast_to=httpx2.Response, body=body, options={"headers": _HEADERS})
        yield from read(_until(stop, response.iter_raw()))
        line.finish()


def _until(stop: Stop, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if stop.is_set():
            raise Cancelled
        yield chunk


def _wait(seconds: float, stop: Stop) -> None:
    woken = threading.Event()
    forget = stop.call(woken.set)
    stopped = woken.wait(seconds)
    forget()
    if stopped:
        raise Cancelled
