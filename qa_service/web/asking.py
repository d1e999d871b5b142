"""Asking: `POST ask` and `GET ask`."""

import time

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.desk import Repeated
from qa_service.errors import MethodNotAllowed, NotFound, StoreUnavailable
from qa_service.model import Owner, Question
from qa_service.running.source import AnswerSource
from qa_service.web.answers import resumed
from qa_service.web.forms import Form, read_form
from qa_service.web.mounting import Mounted, asking_owner, mounted, spoken_language
from qa_service.web.questions import Format, flag, format_of, question_of
from qa_service.web.repeats import repeat_of
from qa_service.web.streaming import answered

POLL_SECONDS = 0.05


def ask() -> Response:
    """Answer a question, streamed or whole."""
    if request.method == "HEAD":  # Flask adds it to GET, and whoever looks whether an address is there asks nothing
        raise MethodNotAllowed("HEAD: expected GET or POST")
    service, owner = mounted(), asking_owner(asks=True)
    with read_form(request, service.limits) as form:
        wanted = format_of(form.fields, request.headers.get("Accept", ""))
        seen = request.headers.get("Last-Event-ID") or form.fields.get("lastEventId")
        if seen is not None:
            # A client that reconnects by itself must never pay twice.
            form.discard()
            return resumed(service, owner, str(seen), wanted)
        ids = flag(form.fields, "ids") or request.method == "GET"
        source = _join(service, _question(service, owner, form, wanted), form)
    return answered(service, source, wanted, ids=ids)


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    blueprint.add_url_rule("/ask", "ask", ask, methods=["GET", "POST"])


def _question(service: Mounted, owner: Owner, form: Form, wanted: Format) -> Question:
    settings = service.assembly.settings
    question = question_of(
        form,
        owner,
        settings,
        language=spoken_language(),
        resumable=wanted == "typed",
        offline=service.assembly.offline,
    )
    header, get = request.headers.get("Idempotency-Key", ""), request.method == "GET"
    return replace(question, repeat=repeat_of(question, form.fields, header, get=get, seconds=settings.idempotency_ttl))


def _join(service: Mounted, question: Question, form: Form) -> AnswerSource | None:
    """Begin the answer, or come to the one that this question has already."""
    assembly = service.assembly
    until = time.monotonic() + assembly.pace.join
    while isinstance(outcome := assembly.desk.admit(question), Repeated):
        assembly.runner.check_room_to_read()
        try:
            source = assembly.runner.find_answer(question.owner, outcome.answer_id)
        except NotFound:
            if time.monotonic() > until:
                raise StoreUnavailable("the first of these questions isn't let in yet", retry_after=1) from None
            assembly.desk.forget(question, outcome)
            time.sleep(POLL_SECONDS)
        else:
            form.discard()
            return source
    return assembly.runner.start_answer(outcome)
