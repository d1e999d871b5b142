"""This module makes the responses that bring an answer: streamed from a position on, or whole when it has ended."""

import random
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

from flask import Response, request

from qa_service.errors import Draining, Interrupted
from qa_service.interfaces import WireFormat
from qa_service.running.reader import AnswerReader
from qa_service.running.source import AnswerSource
from qa_service.turns import Turn
from qa_service.web.bodies import hung_up
from qa_service.web.formats import Format
from qa_service.web.mounting import Mounted
from qa_service.web.problems import json_response, problem
from qa_service.wire.frames import answer
from qa_service.wire.typed import Typed

STREAM_HEADERS = {"Cache-Control": "no-cache, no-store, no-transform", "X-Accel-Buffering": "no"}
BACKOFF_MS = 500, 1500
"""The readers of a worker that stops come back after a time between these, so that they don't come all at once."""


def answered(
    service: Mounted, source: AnswerSource | None, wanted: Format, *, after: int = 0, ids: bool = False
) -> Response:
    """Make the response with the rest of an answer in the wanted format. It is a 204 where nothing comes any more."""
    if source is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    response = _whole(service, source) if wanted == "json" else _streamed(service, source, after=after, ids=ids)
    response.headers["X-Session-Id"] = source.session_id
    response.headers["X-Answer-Id"] = source.answer_id
    return response


def ended_turn(service: Mounted, source: AnswerSource) -> Turn:
    """Read the turn of an answer as it stands. Raises `NotFound` if it was deleted meanwhile."""
    return source.known_turn() or service.assembly.history.turn(source.owner, source.answer_id)


def _streamed(service: Mounted, source: AnswerSource, *, after: int, ids: bool) -> Response:
    wire = Typed(service.public_prefix(), source.answer_id if ids else "")
    body = AnswerBody(_reader(service, source, after), wire)
    # Werkzeug hands it through as it is: what it would put around costs every delta, and memory while a reader waits.
    return Response(body, headers=STREAM_HEADERS, content_type=wire.content_type, direct_passthrough=True)


class AnswerBody:
    """The body of a streamed answer. A server closes it also if it never began to send it."""

    def __init__(self, reader: AnswerReader, wire: WireFormat) -> None:
        self._reader = reader
        self._wire = wire
        self.close = reader.close

    def __iter__(self) -> Iterator[bytes]:
        reader, wire = self._reader, self._wire
        for batch in reader:
            yield wire.batch(batch.first, batch.frames) if batch.frames else wire.heartbeat()
        if reader.handed_over:
            yield wire.reconnect(Draining.code, random.randint(*BACKOFF_MS))  # noqa: S311 - it spreads, it hides nothing


def _reader(service: Mounted, source: AnswerSource, after: int = 0) -> AnswerReader:
    heartbeat = service.assembly.settings.heartbeat_seconds
    return service.assembly.runner.open_reader(source, heartbeat=heartbeat, after=after, gone=hung_up(request))


def _whole(service: Mounted, source: AnswerSource) -> Response:
    with closing(_reader(service, source)) as reader:
        for _ in reader:
            pass
    if source.log.handed_over:
        raise Draining("the worker that answers was stopped; the answer goes on in another", retry_after=1)
    if not source.log.is_finished:
        raise Interrupted("the answer broke off")
    turn = ended_turn(service, source)
    return problem(turn.error) if turn.error else json_response(answer(turn, service.public_prefix()))
