"""This module makes the responses that bring an answer: streamed from a position on, or whole when it has ended."""

import errno
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from itertools import chain, islice
from typing import NoReturn

from flask import Response, request
from msgspec.structs import replace

from qa_service.errors import Draining, Interrupted
from qa_service.frames import Done, Frame, Start
from qa_service.model import Owner
from qa_service.pause import give_way_for
from qa_service.running.log import Batch
from qa_service.running.reader import AnswerReader
from qa_service.running.source import AnswerSource
from qa_service.turns import Turn, logged_id
from qa_service.web.bodies import hung_up
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import Mounted
from qa_service.web.refusals import make_refusal
from qa_service.wire.content import build_answer
from qa_service.wire.encoder import FormatContext, FrameEncoder
from qa_service.wire.formats import EncoderFactory, WireFormat
from qa_service.wire.lines import encode_line

_NOTHING: Sequence[Frame] = ()
BACKOFF_MS = 500, 1500
"""The readers of a worker that stops come back after a time between these, so that they don't come all at once."""


def send_answer(
    service: Mounted,
    owner: Owner,
    source: AnswerSource | None,
    wanted: WireFormat,
    *,
    after: int = 0,
    ids: bool = False,
) -> Response:
    """Make the response with the rest of an answer in the wanted format. It is a 204 where nothing comes any more.

    `owner` is whoever reads it. Raises what `Runner.open_reader` raises.
    """
    if source is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    if wanted.encoder:
        context = _context(service, source, ids=ids)
        body = AnswerBody(_reader(service, owner, source, after), wanted.encoder, context)
        # Werkzeug passes the body on as it is. Its usual wrappers would cost time for each delta, and memory while a
        # reader waits.
        response = Response(body, headers=wanted.headers, content_type=wanted.content_type, direct_passthrough=True)
    else:
        response = _whole(service, owner, source, wanted)
    return name_answer(response, source)


def name_answer(response: Response, source: AnswerSource) -> Response:
    """Add the headers that say which answer a response brings. `X-Request-Id` has the name under which the log knows
    it, because OpenAI's SDKs show people that header's value."""
    response.headers["X-Session-Id"] = source.session_id
    response.headers["X-Answer-Id"] = source.answer_id
    response.headers["X-Request-Id"] = logged_id(source.owner, source.answer_id)
    return response


def await_turn(service: Mounted, owner: Owner, source: AnswerSource) -> Turn:
    """Wait until the answer has ended, and return its turn, which may have failed. If the caller hangs up, the answer
    has one reader less. Raises `Draining` or `Interrupted` where this worker doesn't learn of the end."""
    with closing(_reader(service, owner, source)) as reader:
        for _ in reader:
            pass
    if source.log.handed_over:
        raise Draining("the worker that answers was stopped; the answer goes on in another", retry_after=1)
    if not source.log.is_finished:
        raise Interrupted("the answer broke off")
    return read_ended_turn(service, source)


def read_ended_turn(service: Mounted, source: AnswerSource) -> Turn:
    """Read the turn of an answer as it stands. Raises `NotFound` if it was deleted meanwhile."""
    return source.known_turn() or service.assembly.history.load_turn(source.owner, source.answer_id)


class AnswerBody:
    """An `AnswerBody` is the body of a streamed answer. A server closes it even if it never began to send it.

    `context` is what is known before the first frame comes. Only that frame shows what the reader has seen: where
    another worker writes the answer, frames that the reader has seen elsewhere may still be on their way to this one.
    """

    def __init__(self, reader: AnswerReader, make_encoder: EncoderFactory, context: FormatContext) -> None:
        self._reader = reader
        self._make_encoder = make_encoder
        self._context = context
        self.close = reader.close

    def __iter__(self) -> Iterator[bytes]:
        # A format may say something with no bytes. Nothing is sent then, because an empty chunk ends a chunked body.
        # The head of the response leaves with the first piece, though, so that this one may be empty. A connection that
        # is cut before its head makes some browsers ask again by themselves.
        pieces = self._pieces()
        return chain(islice(pieces, 1), filter(None, pieces))

    def _pieces(self) -> Iterator[bytes]:
        encoder, frames = self._make_encoder(self._context), _NOTHING
        for batch in self._reader:
            if not batch.frames:
                yield encoder.heartbeat()
                continue
            if frames:
                piece = encoder.batch(batch.first, batch.frames)
            else:
                encoder = self._make_encoder(self._context_before(batch))
                piece = encoder.head() + encoder.batch(batch.first, batch.frames)
            frames = batch.frames
            yield piece
            _cut_off(encoder)
        if self._reader.handed_over:
            yield encoder.reconnect(Draining.code, random.randint(*BACKOFF_MS))  # noqa: S311 - it spreads, it hides nothing
            _cut_off(encoder)
        elif frames and isinstance(frames[-1], Done):
            yield encoder.tail()

    def _context_before(self, batch: Batch) -> FormatContext:
        give_way_for(batch.first)
        sent = self._reader.frames_before(batch)
        first = sent[0] if sent else batch.frames[0]
        return replace(self._context, start=first if isinstance(first, Start) else None, sent=sent)


def _cut_off(encoder: FrameEncoder) -> None:
    if encoder.is_cut:
        end_connection()


def end_connection() -> NoReturn:
    """End the connection without the end of its body, so that no client takes what it has for the whole."""
    # Servers take this for a caller who has left, and close the connection without a word in the log.
    raise BrokenPipeError(errno.EPIPE, "the answer broke off")


def _context(service: Mounted, source: AnswerSource, *, ids: bool) -> FormatContext:
    language = spoken_language() or "en"
    return FormatContext(source.answer_id, service.public_prefix(), language=language, ids=ids)


def _reader(service: Mounted, owner: Owner, source: AnswerSource, after: int = 0) -> AnswerReader:
    heartbeat = service.assembly.settings.heartbeat_seconds
    gone = hung_up(request)
    return service.assembly.runner.open_reader(source, owner, heartbeat=heartbeat, after=after, gone=gone)


def _whole(service: Mounted, owner: Owner, source: AnswerSource, wanted: WireFormat) -> Response:
    turn = await_turn(service, owner, source)
    if turn.error:
        return make_refusal(turn.error)
    body = encode_line(build_answer(turn, service.public_prefix()))
    return Response(body, headers=wanted.headers, content_type=wanted.content_type)
