"""One answer: reading it, following it from where a reader was cut off, stopping it."""

import re

from flask import Blueprint, Response, request

from qa_service.errors import InvalidField, NotFound
from qa_service.model import Owner
from qa_service.web.forms import read_fields
from qa_service.web.mounting import Mounted, asking_owner, mounted
from qa_service.web.problems import json_response
from qa_service.web.questions import Format, flag, format_of
from qa_service.web.streaming import answered, ended_turn
from qa_service.wire.frames import answer

NUMBER = re.compile(r"[0-9]{1,15}")
SEEN = re.compile(r"(?:([A-Za-z0-9]{1,64})-)?([0-9]{1,15})")


def get(answer_id: str) -> Response:
    """The answer as it stands."""
    service, owner = mounted(), asking_owner()
    return json_response(answer(service.assembly.runner.read_turn(owner, answer_id), service.public_prefix()))


def stream(answer_id: str) -> Response:
    """What comes after the last frame a reader has seen, from whichever worker or store."""
    service, owner = mounted(), asking_owner(streams=True)
    fields = read_fields(request, service.limits)
    wanted = format_of(fields, request.headers.get("Accept", ""))
    seen = request.headers.get("Last-Event-ID") or fields.get("lastEventId")
    if seen is not None:
        return resumed(service, owner, str(seen), wanted, answer_id)
    after = str(fields.get("after", 0))
    if not NUMBER.fullmatch(after):
        raise InvalidField("after: expected the number of a frame", field="after")
    return _follow(service, owner, answer_id, int(after), wanted, ids=flag(fields, "ids"))


def resumed(service: Mounted, owner: Owner, seen: str, wanted: Format, answer_id: str = "") -> Response:
    """What comes after `Last-Event-ID`: an answer's id and a number, or the number alone where the answer is known."""
    match = SEEN.fullmatch(seen.strip())
    if not match:
        raise InvalidField("lastEventId: expected an answer's id, a hyphen and a number", field="lastEventId")
    if match[1] and answer_id and match[1] != answer_id:
        raise InvalidField("lastEventId: it is another answer's", field="lastEventId")
    if not (match[1] or answer_id):
        raise NotFound("no such answer")
    return _follow(service, owner, match[1] or answer_id, int(match[2]), wanted, ids=True)


def _follow(service: Mounted, owner: Owner, answer_id: str, after: int, wanted: Format, *, ids: bool) -> Response:
    service.assembly.runner.check_room_to_read()
    source = service.assembly.runner.find_answer(owner, answer_id, after)
    if source is not None:
        service.assembly.meter.count("resumes")
    return answered(service, source, wanted, after=after, ids=ids)


def cancel(answer_id: str) -> Response:
    """Stop it, wherever it is written; what was produced is kept. Doing it again changes nothing."""
    service, owner = mounted(), asking_owner()
    runner = service.assembly.runner
    source = runner.find_answer(owner, answer_id)
    if source is None:
        return json_response(answer(runner.read_turn(owner, answer_id), service.public_prefix()))
    source.add_reader()  # or nobody would tell its log of the end
    try:
        if not source.log.closed:
            runner.stop_answer(answer_id)
        source.log.wait_for_end(service.assembly.pace.cancel)
    finally:
        source.remove_reader()
    return json_response(answer(ended_turn(service, source), service.public_prefix()))


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    blueprint.add_url_rule("/answers/<answer_id>", "answer", get, methods=["GET"])
    blueprint.add_url_rule("/answers/<answer_id>/stream", "answer_stream", stream, methods=["GET"])
    blueprint.add_url_rule("/answers/<answer_id>/cancel", "cancel", cancel, methods=["POST"])
