"""Asking: `POST ask` and `GET ask`."""

import time

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.desk import Repeated, check_wait
from qa_service.errors import MethodNotAllowed, NotFound, RateLimited, StoreUnavailable
from qa_service.model import Owner, Question
from qa_service.running.mirror import Mirror
from qa_service.running.written import Running
from qa_service.web.answers import resumed
from qa_service.web.bodies import may_be_large
from qa_service.web.forms import Form, read_form
from qa_service.web.mounting import Mounted, asking_owner, mounted, spoken_language
from qa_service.web.questions import Format, flag, format_of, question_of
from qa_service.web.repeats import repeat_of
from qa_service.web.streaming import answered

JOIN_SECONDS = 5.0
"""How long a repeated question waits for its first one to be let in."""
POLL_SECONDS = 0.05
REPEATING_HEADERS = ("Idempotency-Key", "Last-Event-ID")
REPEATING_FIELDS = ("idempotencyKey", "lastEventId")
"""What says in a request's headers and in its address that it may be no new question."""


def ask() -> Response:
    """Answer a question, streamed or whole."""
    if request.method == "HEAD":  # Flask adds it to GET, and whoever looks whether an address is there asks nothing
        raise MethodNotAllowed("HEAD: expected GET or POST")
    service, owner = mounted(), asking_owner(asks=True)
    _check_rate(service, owner)
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


def _check_rate(service: Mounted, owner: Owner) -> None:
    """Refuse an owner who has no question left before anything of a body that may be large is read.

    A question that is repeated, or an answer that somebody comes back to, costs no question: where the head doesn't say
    so, a field of the body may, and small bodies are read first.
    """
    repeats = any(name in request.headers for name in REPEATING_HEADERS)
    repeats = repeats or any(name in request.args for name in REPEATING_FIELDS)
    if request.method == "GET" or repeats or not may_be_large(request):
        return
    try:
        check_wait(service.assembly.limiter.seconds_to_wait(owner))
    except RateLimited as refusal:
        service.assembly.meter.count("refusals", label=refusal.code)
        raise


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


def _join(service: Mounted, question: Question, form: Form) -> Running | Mirror | None:
    """Begin the answer, or come to the one that this question has already."""
    assembly, until = service.assembly, time.monotonic() + JOIN_SECONDS
    while isinstance(outcome := assembly.desk.admit(question), Repeated):
        assembly.runner.check_room_to_read()
        try:
            source = assembly.runner.open(question.owner, outcome.answer_id)
        except NotFound:
            if time.monotonic() > until:
                raise StoreUnavailable("the first of these questions isn't let in yet", retry_after=1) from None
            assembly.desk.forget(question, outcome)
            time.sleep(POLL_SECONDS)
        else:
            form.discard()
            return source
    return assembly.runner.start(outcome)
