"""This module has the routes of OpenAI's Responses API: to ask, to read and follow an answer, to stop it and to delete
it. A response is an answer, and its id is the answer's."""

import re
from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.errors import InvalidField
from qa_service.fields import read_flag, read_word
from qa_service.frames import Frame
from qa_service.model import Echo, Owner
from qa_service.running.mirror import frames_from_turn
from qa_service.running.source import AnswerSource
from qa_service.turns import Turn
from qa_service.web.admitting import begin_answer, check_rate
from qa_service.web.answers import stop_turn
from qa_service.web.attachments import room_for_attachments
from qa_service.web.forms import read_query, read_submission
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.problems import json_response
from qa_service.web.response_requests import NAMES, ResponseRequest, find_kept_turn, read_response_request
from qa_service.web.streaming import answered, await_turn, name_answer
from qa_service.web.v1 import named_as_sent, openai_error
from qa_service.wire.encoder import FormatContext
from qa_service.wire.formats import RESPONSES
from qa_service.wire.response_content import build_input_items
from qa_service.wire.response_objects import DeletedResponse, ResponseObject
from qa_service.wire.responses import EVENTS_OF_FRAME, NO_ECHO, ResponsesEncoder, build_response

NUMBER = re.compile(r"[0-9]{1,18}")
_WHOLE = replace(RESPONSES, encoder=None, is_resumable=False)
"""A response that is sent when it is over. Who hangs up before that doesn't know its id, and can't come back."""


def create_response() -> Response:
    """Answer a question, streamed or whole. In the background the answer goes on, and is asked for later."""
    service, owner = mounted(), asking_owner(asks=True)
    with named_as_sent(NAMES):
        check_rate(service, owner)
        with read_submission(request, service.limits, json_bytes=room_for_attachments(service.limits.uploads)) as sent:
            asked = read_response_request(service, owner, sent)
        with asked.submission:
            source = _begin(service, owner, asked)
    if asked.streams:
        return answered(service, source, replace(RESPONSES, encoder=partial(ResponsesEncoder, echo=asked.echo)))
    assert source is not None  # noqa: S101 - every answer has frames behind number 0
    return name_answer(_respond(service, owner, source, asked.echo), source)


def get_response(response_id: str) -> Response:
    """Show a response as it stands, or with `stream=true` follow it behind the event `starting_after`."""
    service, owner = mounted(), asking_owner(streams=True)
    query = read_query(request)
    if read_flag(query, "stream"):
        return _follow(service, owner, response_id, _read_seen(query))
    return json_response(_describe(service, find_kept_turn(service, owner, response_id), owner))


def cancel_response(response_id: str) -> Response:
    """Stop a response. What was produced is kept. Stopping it again changes nothing."""
    service, owner = mounted(), asking_owner()
    return json_response(_describe(service, stop_turn(service, owner, response_id), owner))


def delete_response(response_id: str) -> Response:
    """Delete a response with its question. One that is being written is stopped."""
    service, owner = mounted(), asking_owner()
    if service.assembly.runner.read_turn(owner, response_id).status == "running":
        stop_turn(service, owner, response_id)
    service.assembly.history.delete_turn(owner, response_id)
    return json_response(DeletedResponse(id=response_id))


def list_input_items(response_id: str) -> Response:
    """Show the question that a response answers."""
    return json_response(build_input_items(find_kept_turn(mounted(), asking_owner(), response_id)))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    one = "/responses/<response_id>"
    add_route(blueprint, "/responses", "create_response", create_response, methods=("POST",))
    add_route(blueprint, one, "response", get_response)
    add_route(blueprint, one, "delete_response", delete_response, methods=("DELETE",))
    add_route(blueprint, f"{one}/cancel", "cancel_response", cancel_response, methods=("POST",))
    add_route(blueprint, f"{one}/input_items", "input_items", list_input_items)


def _begin(service: Mounted, owner: Owner, asked: ResponseRequest) -> AnswerSource | None:
    can_come_back = asked.streams or asked.echo.background
    return begin_answer(service, owner, asked.submission, RESPONSES if can_come_back else _WHOLE, echo=asked.echo)


def _respond(service: Mounted, owner: Owner, source: AnswerSource, echo: Echo) -> Response:
    if echo.background:
        return json_response(_describe(service, service.assembly.runner.read_turn(owner, source.answer_id), owner))
    turn = await_turn(service, source)
    if turn.error:
        return openai_error(turn.error)
    return json_response(_build(service, turn, source.log.frames_between(0, len(source.log))))


def _follow(service: Mounted, owner: Owner, response_id: str, seen: int) -> Response:
    runner = service.assembly.runner
    runner.check_room_to_read()
    echo = runner.read_turn(owner, response_id).echo or NO_ECHO
    # The last event that the reader has seen may not be the last one of its frame.
    after = max(seen // EVENTS_OF_FRAME - 1, 0)
    source = runner.find_answer(owner, response_id, after)
    service.assembly.meter.count_event("resumes")
    wanted = replace(RESPONSES, encoder=partial(ResponsesEncoder, echo=echo, seen=seen))
    return answered(service, source, wanted, after=after)


def _describe(service: Mounted, turn: Turn, owner: Owner) -> ResponseObject:
    """Describe a response that may still be written. Whoever asks for one counts as its reader at this moment, so that
    it isn't stopped as one that nobody reads."""
    runner = service.assembly.runner
    source = runner.find_answer(owner, turn.answer_id, -1)
    if source is not None and source.log.is_finished:
        return _build(service, turn, source.log.frames_between(0, len(source.log)))
    if source is not None and turn.status == "running":
        runner.open_reader(source, heartbeat=service.assembly.settings.heartbeat_seconds).close()
    known = frames_from_turn(turn, "")
    return _build(service, turn, known[:3] if turn.status == "running" else known)


def _build(service: Mounted, turn: Turn, frames: Sequence[Frame]) -> ResponseObject:
    context = FormatContext(turn.answer_id, service.public_prefix())
    return build_response(context, turn.echo or NO_ECHO, frames)


def _read_seen(query: dict[str, str]) -> int:
    word = read_word(query, "starting_after", default="0")
    if not NUMBER.fullmatch(word):
        raise InvalidField("starting_after: expected the number of an event", field="starting_after")
    return int(word)
