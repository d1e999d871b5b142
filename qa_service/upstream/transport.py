"""This module carries requests over connections that stay open for later requests. One response may come over several
connections."""

import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

import httpx2
from msgspec import Struct

from qa_service.errors import Cancelled, UpstreamError, UpstreamRejected, UpstreamUnavailable
from qa_service.interfaces import Stop
from qa_service.pause import spread_pause
from qa_service.upstream.connection import Patience, UpstreamConnection
from qa_service.upstream.failures import FOREIGN, map_failures, read_refusal, retry_after
from qa_service.upstream.protocol import EventReader, RequestWriter
from qa_service.upstream.watch import Watch
from qa_service.upstream.way import Way

NoteFailure: TypeAlias = Callable[[UpstreamError], None]
"""This is called with the error of every request that failed."""

_MOST_IDLE = 64
_ASKED = httpx2.Request("POST", "https://upstream")
"""The SDK's errors need a request. This one is sent nowhere."""


class Pauses(Struct, frozen=True):
    """A `Pauses` says how many seconds are waited between two requests for the same answer, and for the end of one."""

    first: float = 0.5
    """This is the pause after the first failure. Each further failure doubles it, up to `longest`."""
    longest: float = 8.0
    longest_asked: float = 10.0
    """Where upstream asks for a longer pause than this, it isn't asked again."""
    id: float = 0.5
    """A stop waits this long for the id of a response that upstream keeps, without which it can't be cancelled."""
    cancel: float = 0.5
    """Each step of cancelling a response may take this long."""


class Transport:
    """A `Transport` holds the connections to one upstream. A process has one transport, and all its threads use it."""

    def __init__(
        self, way: Way, writer: RequestWriter, *, patience: Patience, pauses: Pauses, tries: int, note: NoteFailure
    ) -> None:
        self._way = way
        self._writer = writer
        self._patience = patience
        self.pauses = pauses
        self._tries = tries
        self._note = note
        self._watch = Watch(tick=patience.tick)
        self._idle: list[UpstreamConnection] = []
        self.close = weakref.finalize(self, _close_all, self._idle)
        """This closes the connections that are kept for later. It is also called by itself when nobody uses the
        transport any more."""

    def carry_response(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Generator[bytes]:
        """Give the body of the response to a request, as its bytes come.

        Where upstream keeps the response, a break is followed by another connection that brings the rest, at most
        `tries` times without a new event. The reader decides what the end of the body means. The message is made when
        it is sent, so that a stream that is open for minutes doesn't hold it.
        """
        fruitless = 0
        while True:
            seen = reader.last
            try:
                yield from self._carry_once(message, reader, stop)
                broken: UpstreamError = UpstreamUnavailable("upstream ended without its terminal event")
                if not reader.resumable:
                    return
            except UpstreamError as error:
                broken = error
            fruitless = 0 if reader.last > seen else fruitless + 1
            if not reader.resumable or not self.may_pass(broken) or fruitless >= self._tries:
                raise broken
            self._note(broken)
            wait_unless_stopped(self.pause_after(fruitless, broken), stop)
            reader.reconnect()
            message = partial(self._writer.write_follow, reader.response_id, reader.last)

    def cancel_response(self, response_id: str) -> None:
        """Ask upstream to end a response that it keeps. Each step takes at most `Pauses.cancel` seconds, and a failure
        raises nothing."""
        step = self.pauses.cancel
        connection = UpstreamConnection(self._way, Patience(connect=step, first_token=step, idle=step))
        with suppress(UpstreamError, *FOREIGN), self._watch.watching(connection):
            connection.send_request(self._writer.write_cancel(response_id))
        connection.close_socket()

    def may_pass(self, error: UpstreamError) -> bool:
        """Tell whether the same can be asked again, after a pause that is short enough."""
        return error.retryable and (retry_after(error) or 0) <= self.pauses.longest_asked

    def pause_after(self, failures: int, error: UpstreamError) -> float:
        """Return how many seconds to wait after this many failures: as many as upstream asked for, or more each
        time."""
        longer = min(self.pauses.first * 2 ** (failures - 1), self.pauses.longest)
        return retry_after(error) or spread_pause(longer)

    def _carry_once(self, message: Callable[[], bytes], reader: EventReader, stop: Stop) -> Iterator[bytes]:
        with map_failures(stop), self._connected(reader, stop) as connection, self._watch.watching(connection):
            _send_request(connection, message())
            try:
                while (piece := connection.read_body()) and not _must_end(reader, stop):
                    yield piece
                    if _must_end(reader, stop):  # This piece has told the id, and the next one may come much later.
                        break
                    if reader.working:
                        connection.note_work()
                        if reader.told:
                            connection.note_told()
            finally:
                if reader.ended:
                    connection.read_to_end()
        if stop.is_set():
            raise Cancelled

    @contextmanager
    def _connected(self, reader: EventReader, stop: Stop) -> Iterator[UpstreamConnection]:
        """Give a connection that `stop` ends: at once, or a moment later where upstream keeps the response and hasn't
        said its id yet."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = UpstreamConnection(self._way, self._patience)
        wait_for_id = partial(connection.abort_within, self.pauses.id)
        forget = stop.call_when_set(lambda: wait_for_id() if reader.nameless else connection.abort())
        try:
            yield connection
        finally:
            forget()
            # A stop that came at the last moment may still be about to end this connection.
            if connection.is_reusable() and not stop.is_set() and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
            else:
                connection.close_socket()
            self._close_stale()

    def _close_stale(self) -> None:
        """Close connections that were used too long ago. Requests take the one that was used last, so that after a rush
        the others would stay for ever."""
        with suppress(IndexError):
            while self._idle[0].is_stale():
                self._idle.pop(0).close_socket()


def wait_unless_stopped(seconds: float, stop: Stop) -> None:
    """Wait for this many seconds. Raises `Cancelled` as soon as `stop` is set."""
    woken = threading.Event()
    forget = stop.call_when_set(woken.set)
    stopped = woken.wait(seconds)
    forget()
    if stopped:
        raise Cancelled


def _send_request(connection: UpstreamConnection, message: bytes) -> None:
    reply = connection.send_request(message)
    if reply.status != HTTPStatus.OK:
        raise read_refusal(connection.http_response(_ASKED))
    if reply.is_compressed():
        raise UpstreamRejected("upstream compresses its answer, although it was asked not to; a proxy may do that")


def _must_end(reader: EventReader, stop: Stop) -> bool:
    """Tell whether a stop ends the reading here. It doesn't as long as upstream keeps the response and hasn't said its
    id, because without its id the response can't be cancelled."""
    return stop.is_set() and not reader.nameless


def _close_all(connections: list[UpstreamConnection]) -> None:
    while connections:
        connections.pop().close_socket()
