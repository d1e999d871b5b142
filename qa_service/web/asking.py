"""This module has the route of asking: `POST ask` and `GET ask`."""

from flask import Blueprint, Response, request

from qa_service.errors import MethodNotAllowed
from qa_service.fields import read_flag
from qa_service.web.admitting import begin_answer, check_rate
from qa_service.web.answers import read_last_event_id, resume_answer
from qa_service.web.formats import choose_format
from qa_service.web.forms import read_submission
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.streaming import send_answer

_METHODS = ("GET", "POST")


def ask_question() -> Response:
    """Answer a question, streamed or whole."""
    # Flask allows HEAD wherever GET is allowed. A client that sends HEAD only checks the address, and asks nothing.
    if request.method == "HEAD":
        raise MethodNotAllowed("HEAD: expected GET or POST", allowed=_METHODS)
    service, owner = mounted(), asking_owner(asks=True)
    check_rate(service, owner)
    with read_submission(request, service.limits) as sent:
        wanted = choose_format(sent.fields, request.headers.get("Accept", ""))
        seen = read_last_event_id(request, sent.fields)
        if seen is not None:
            # A client that reconnects by itself must never pay twice.
            sent.discard_files()
            return resume_answer(service, owner, seen, wanted)
        ids = read_flag(sent.fields, "ids") or request.method == "GET"
        source = begin_answer(service, owner, sent, wanted)
    return send_answer(service, owner, source, wanted, ids=ids)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/ask", "ask", ask_question, methods=_METHODS)
