"""This module has the route of the AG-UI protocol: `POST agui` with a `RunAgentInput`, whose thread is the session."""

from functools import partial

from flask import Blueprint, Response
from msgspec.structs import replace

from qa_service.submission import Submission
from qa_service.web.agent_input import read_agent_input
from qa_service.web.foreign_questions import AnswerWay, ForeignQuestion, ask_foreign_question
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.streaming import send_answer
from qa_service.wire.agui import AgentEncoder
from qa_service.wire.formats import AG_UI

_NAMES = {"question": "messages", "sessionId": "threadId"}
"""A client knows these fields of a question under its own names."""


def run_agent() -> Response:
    """Answer the question of a run, as a stream of the protocol's events."""
    service, owner = mounted(), asking_owner(asks=True)
    source, way = ask_foreign_question(service, owner, _translate, _NAMES)
    return send_answer(service, owner, source, way.wanted)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/agui", "agui", run_agent, methods=("POST",))


def _translate(sent: Submission) -> ForeignQuestion:
    asked = read_agent_input(sent.fields)
    wanted = replace(AG_UI, encoder=partial(AgentEncoder, run=asked.run))
    return ForeignQuestion(asked.fields, asked.files, AnswerWay(wanted))
