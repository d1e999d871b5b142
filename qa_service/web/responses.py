"""This module has the routes of OpenAI's Responses API: to ask, to read and follow an answer, to stop it and to delete
it. A response is an answer, and its id is the answer's."""

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.errors import InvalidField, QAError
from qa_service.fields import read_flag, read_word
from qa_service.frames import Frame
from qa_service.model import Echo, Owner
from qa_service.running.mirror import frames_from_turn
from qa_service.running.source import AnswerSource
from qa_service.submission import Submission
from qa_service.turns import Turn
from qa_service.web.answers import stop_turn
from qa_service.web.foreign_questions import AnswerWay, ForeignQuestion, ask_foreign_question
from qa_service.web.forms import read_query
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.web.refusals import make_refusal
from qa_service.web.response_requests import RESPONSE_NAMES, find_kept_turn, read_response_request
from qa_service.web.streaming import await_turn, name_answer, send_answer
from qa_service.wire.encoder import FormatContext
from qa_service.wire.error_formats import OPENAI_ERROR
from qa_service.wire.formats import RESPONSES, WireFormat
from qa_service.wire.response_content import build_input_items
from qa_service.wire.response_objects import DeletedResponse, ResponseObject
from qa_service.wire.responses import EVENTS_OF_FRAME, NO_ECHO, ResponsesEncoder, build_response

_NUMBER = re.compile(r"[0-9]{1,18}")
_WHOLE = replace(RESPONSES, encoder=None, is_resumable=False)
"""This is for a response that is sent when it is over. Who hangs up before that doesn't know its id, and can't come
back."""


def create_response() -> Response:
    """Answer a question, streamed or whole. In the background the answer goes on, and is asked for later."""
    service, owner = mounted(), asking_owner(asks=True)
    source, way = ask_foreign_question(service, owner, partial(_translate, service, owner), RESPONSE_NAMES)
    echo = way.echo or NO_ECHO
    if way.is_streamed:
        encoder = _choose_encoder(service, owner, source.answer_id if source else "", echo)
        return send_answer(service, owner, source, encoder)
    assert source is not None  # noqa: S101 - every answer has frames behind number 0
    return name_answer(_respond(service, owner, source, echo), source)


def get_response(response_id: str) -> Response:
    """Show a response as it stands, or with `stream=true` follow it behind the event `starting_after`."""
    query = read_query(request)
    streams = read_flag(query, "stream")
    service, owner = mounted(), asking_owner(streams=streams)
    if streams:
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
    service.assembly.runner.leave_to_store(owner, response_id)
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


def _translate(service: Mounted, owner: Owner, sent: Submission) -> ForeignQuestion:
    asked = read_response_request(service, owner, sent.fields)
    can_come_back = asked.streams or asked.echo.background
    way = AnswerWay(RESPONSES if can_come_back else _WHOLE, asked.streams, asked.echo)
    return ForeignQuestion(asked.fields, asked.attachments, way)


def _respond(service: Mounted, owner: Owner, source: AnswerSource, echo: Echo) -> Response:
    if echo.background:
        return json_response(_describe(service, service.assembly.runner.read_turn(owner, source.answer_id), owner))
    turn = await_turn(service, owner, source)
    if turn.error:
        return make_refusal(turn.error, OPENAI_ERROR)
    return json_response(_build(service, owner, turn, source.log.frames_between(0, len(source.log))))


def _follow(service: Mounted, owner: Owner, response_id: str, seen: int) -> Response:
    runner = service.assembly.runner
    runner.check_room_to_read(owner)
    echo = runner.read_turn(owner, response_id).echo or NO_ECHO
    # The last event that the reader has seen may not be the last one of its frame.
    after = max(seen // EVENTS_OF_FRAME - 1, 0)
    source = runner.find_answer(owner, response_id, after)
    service.assembly.meter.count_event("resumes")
    encoder = _choose_encoder(service, owner, response_id, echo, seen)
    return send_answer(service, owner, source, encoder, after=after)


def _choose_encoder(service: Mounted, owner: Owner, answer_id: str, echo: Echo, seen: int = 0) -> WireFormat:
    load_image = partial(_load_image, service, owner, answer_id)
    return replace(RESPONSES, encoder=partial(ResponsesEncoder, echo=echo, seen=seen, load_image=load_image))


def _load_image(service: Mounted, owner: Owner, answer_id: str, index: int) -> str | None:
    """Give the bytes of a picture in base64. Where it can't be loaded, the answer is told without them."""
    try:
        picture = service.assembly.drawings.load_picture(owner, answer_id, index)
    except QAError:
        return None
    return b64encode(picture.data).decode()


def _describe(service: Mounted, turn: Turn, owner: Owner) -> ResponseObject:
    """Describe a response as its turn tells it. Of a finished one the frames tell more, while there are any."""
    known = frames_from_turn(turn, "")
    if turn.status == "running":
        return _build(service, owner, turn, known[:3])
    source = service.assembly.runner.find_answer(owner, turn.answer_id, -1)
    if source is None or not source.log.is_finished:
        return _build(service, owner, turn, known)
    return _build(service, owner, turn, source.log.frames_between(0, len(source.log)))


def _build(service: Mounted, owner: Owner, turn: Turn, frames: Sequence[Frame]) -> ResponseObject:
    context = FormatContext(turn.answer_id, service.public_prefix())
    return build_response(context, turn.echo or NO_ECHO, frames, partial(_load_image, service, owner, turn.answer_id))


def _read_seen(query: dict[str, str]) -> int:
    word = read_word(query, "starting_after", default="0")
    if not _NUMBER.fullmatch(word):
        raise InvalidField("starting_after: expected the number of an event", field="starting_after")
    return int(word)
