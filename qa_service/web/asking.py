"""Asking: `POST ask` and `GET ask`."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

from flask import Blueprint, Response, request

from qa_service.errors import Interrupted, MethodNotAllowed
from qa_service.interfaces import WireFormat
from qa_service.model import Owner
from qa_service.running import Reader, Running
from qa_service.web.bodies import hung_up
from qa_service.web.forms import Form, read_form
from qa_service.web.mounting import Mounted, asking_owner, mounted, spoken_language
from qa_service.web.problems import json_response, problem
from qa_service.web.questions import Format, flag, format_of, question_of
from qa_service.wire.frames import answer
from qa_service.wire.typed import Typed

STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def ask() -> Response:
    """Answer a question, streamed or whole."""
    if request.method == "HEAD":  # Flask adds it to GET, and whoever looks whether an address is there asks nothing
        raise MethodNotAllowed("HEAD: expected GET or POST")
    service, owner = mounted(), asking_owner(asks=True)
    with read_form(request, service.limits) as form:
        # Nothing can be resumed yet, and a client that reconnects by itself must never pay twice.
        if "Last-Event-ID" in request.headers or "lastEventId" in form.fields:
            form.discard()
            return Response(status=HTTPStatus.NO_CONTENT)
        wanted = format_of(form.fields, request.headers.get("Accept", ""))
        ids = flag(form.fields, "ids") or request.method == "GET"
        running = _start(service, owner, form, wanted)
    return _whole(service, running) if wanted == "json" else _streamed(service, running, ids=ids)


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    blueprint.add_url_rule("/ask", "ask", ask, methods=["GET", "POST"])


def _start(service: Mounted, owner: Owner, form: Form, wanted: Format) -> Running:
    assembly = service.assembly
    question = question_of(
        form,
        owner,
        assembly.settings,
        language=spoken_language(),
        resumable=wanted == "typed",
        offline=assembly.offline,
    )
    return assembly.runner.start(assembly.desk.admit(question))


def _streamed(service: Mounted, running: Running, *, ids: bool) -> Response:
    wire = Typed(service.public_prefix(), running.admission.turn.answer_id if ids else "")
    reader = _reader(service, running)
    response = Response(_frames(reader, wire), headers=STREAM_HEADERS, content_type=wire.content_type)
    # A client that left before the first byte never starts the generator; this runs all the same.
    response.call_on_close(reader.close)
    return _named(response, running)


def _reader(service: Mounted, running: Running) -> Reader:
    heartbeat = service.assembly.settings.heartbeat_seconds
    return service.assembly.runner.follow(running, heartbeat=heartbeat, gone=hung_up(request))


def _frames(reader: Reader, wire: WireFormat) -> Iterator[bytes]:
    for batch in reader:
        yield b"".join([wire.encode(seq, frame) for seq, frame in batch]) if batch else wire.heartbeat()


def _whole(service: Mounted, running: Running) -> Response:
    with closing(_reader(service, running)) as reader:
        for _ in reader:
            pass
    turn = running.finished()
    if turn is None:
        raise Interrupted("the answer broke off")
    response = problem(turn.error) if turn.error else json_response(answer(turn, service.public_prefix()))
    return _named(response, running)


def _named(response: Response, running: Running) -> Response:
    response.headers["X-Session-Id"] = running.admission.turn.session_id
    response.headers["X-Answer-Id"] = running.admission.turn.answer_id
    return response
