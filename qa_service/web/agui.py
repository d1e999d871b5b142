"""This module has the route of the AG-UI protocol: `POST agui` with a `RunAgentInput`, whose thread is the session."""

from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.web.admitting import begin_answer, check_rate
from qa_service.web.agent_input import read_agent_input
from qa_service.web.attachments import attach_files, room_for_attachments
from qa_service.web.forms import read_submission
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.streaming import answered
from qa_service.web.v1 import named_as_sent
from qa_service.wire.agui import AgentEncoder
from qa_service.wire.formats import AG_UI

NAMES = {"question": "messages", "sessionId": "threadId"}
"""A client knows these fields of a question under its own names."""


def run_agent() -> Response:
    """Answer the question of a run, as a stream of the protocol's events."""
    service, owner = mounted(), asking_owner(asks=True)
    check_rate(service, owner)
    uploads = service.limits.uploads
    with read_submission(request, service.limits, json_bytes=room_for_attachments(uploads)) as received:
        wanted = read_agent_input(received.fields)
        row = replace(AG_UI, encoder=partial(AgentEncoder, run=wanted.run))
        asked = replace(received, fields=wanted.fields)
        with attach_files(asked, wanted.files, uploads, field="messages") as sent, named_as_sent(NAMES):
            source = begin_answer(service, owner, sent, row)
    return answered(service, source, row)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/agui", "agui", run_agent, methods=("POST",))
