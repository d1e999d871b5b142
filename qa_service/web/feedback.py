"""This module has the routes of feedback: people say what they think of an answer, and the site's server reads it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.clock import now
from qa_service.errors import InvalidField
from qa_service.fields import read_choice, read_text
from qa_service.model import Rating
from qa_service.turns import Feedback
from qa_service.web.forms import read_fields, read_query
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.web.paging import read_limit, read_time_cursor
from qa_service.wire.content import build_answer, build_answer_list

RATINGS: tuple[Rating, ...] = ("up", "down")
LONGEST_COMMENT = 4_000


def give_feedback(answer_id: str) -> Response:
    """Keep what the owner of an answer thinks of it, in the place of what they said before, and show the answer."""
    service, owner = mounted(), asking_owner()
    feedback = _read_feedback(read_fields(request, service.limits))
    turn = service.assembly.runner.read_turn(owner, answer_id)
    listed_in = service.gate.feedback_list(request, owner)
    service.assembly.feedback.save_feedback(owner, answer_id, feedback, listed_in=listed_in)
    return json_response(build_answer(replace(turn, feedback=feedback), service.public_prefix()))


def list_feedback() -> Response:
    """List the answers that have feedback, the newest feedback first."""
    service = mounted()
    lists, query = service.gate.readable_feedback(request), read_query(request)
    found = service.assembly.feedback.list_feedback(lists, read_time_cursor(query), read_limit(query))
    return json_response(build_answer_list(found, service.public_prefix()))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/answers/<answer_id>/feedback", "give_feedback", give_feedback, methods=("POST",))
    add_route(blueprint, "/feedback", "feedback", list_feedback)


def _read_feedback(fields: Mapping[str, Any]) -> Feedback:
    if "rating" not in fields:
        raise InvalidField("rating: expected one of down, up", field="rating")
    return Feedback(read_choice(fields, "rating", RATINGS), read_text(fields, "comment", LONGEST_COMMENT), now())
