"""This module has the routes of one answer: to read it, to follow it from where a reader was cut off, and to stop
it."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Request, Response, request

from qa_service.errors import InvalidField, NotFound
from qa_service.fields import read_flag, read_word
from qa_service.model import Owner
from qa_service.turns import Turn
from qa_service.web.formats import choose_format
from qa_service.web.forms import read_fields
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.web.streaming import read_ended_turn, send_answer
from qa_service.wire.content import build_answer
from qa_service.wire.formats import WireFormat

SEEN = re.compile(r"\A(?:([A-Za-z0-9]{1,64})-)?([0-9]{1,15})")
"""A reader names the last frame it has seen by the answer's id and the frame's number, or by the number alone."""
_NUMBER = re.compile(r"-?[0-9]{1,15}")


def get_answer(answer_id: str) -> Response:
    """Show the answer as it stands."""
    service, owner = mounted(), asking_owner()
    turn = service.assembly.links.renew_links(owner, service.assembly.runner.read_turn(owner, answer_id))
    return json_response(build_answer(turn, service.public_prefix()))


def stream_answer(answer_id: str) -> Response:
    """Stream what comes after the last frame that a reader has seen. The answer may be written by any worker, or may
    be over."""
    service, owner = mounted(), asking_owner(streams=True)
    fields = read_fields(request, service.limits)
    wanted = choose_format(fields, request.headers.get("Accept", ""))
    seen = read_last_event_id(request, fields)
    if seen is not None:
        return resume_answer(service, owner, seen, wanted, answer_id)
    return _follow(service, owner, answer_id, _read_after(fields), wanted, ids=read_flag(fields, "ids"))


def read_last_event_id(asked: Request, fields: Mapping[str, Any]) -> str | None:
    """Read the last frame that a reader has seen, from the header or else from the field `lastEventId`."""
    header = asked.headers.get("Last-Event-ID")
    if not header and "lastEventId" not in fields:
        return None
    return header.strip() if header else read_word(fields, "lastEventId")


def resume_answer(service: Mounted, owner: Owner, seen: str, wanted: WireFormat, answer_id: str = "") -> Response:
    """Stream what comes after the frame `seen`. `answer_id` is the answer's id where the address has named it
    already."""
    match = SEEN.fullmatch(seen)
    if not match:
        raise InvalidField("lastEventId: expected an answer's id, a hyphen and a number", field="lastEventId")
    if match[1] and answer_id and match[1] != answer_id:
        raise InvalidField(
            f"lastEventId: expected a frame of the answer {answer_id[:100]}, which the address names",
            field="lastEventId",
        )
    if not (match[1] or answer_id):
        raise NotFound("no such answer")
    return _follow(service, owner, match[1] or answer_id, int(match[2]), wanted, ids=True)


def _follow(service: Mounted, owner: Owner, answer_id: str, after: int, wanted: WireFormat, *, ids: bool) -> Response:
    service.assembly.runner.check_room_to_read(owner)
    source = service.assembly.runner.find_answer(owner, answer_id, max(after, 0))
    if source is not None:
        after = source.log.number_before_last(-after) if after < 0 else after
        service.assembly.meter.count_event("resumes")
    return send_answer(service, owner, source, wanted, after=after, ids=ids)


def cancel_answer(answer_id: str) -> Response:
    """Stop the answer, wherever it is written. What was produced is kept. Stopping it again changes nothing."""
    service, owner = mounted(), asking_owner()
    return json_response(build_answer(stop_turn(service, owner, answer_id), service.public_prefix()))


def stop_turn(service: Mounted, owner: Owner, answer_id: str) -> Turn:
    """Stop the answer, wait for its end, and return its turn. Raises `NotFound`."""
    runner = service.assembly.runner
    source = runner.find_answer(owner, answer_id)
    if source is None:
        return runner.read_turn(owner, answer_id)
    source.add_reader()  # The log of an answer from another worker is kept up to date only while it has a reader.
    try:
        if not source.log.closed:
            runner.stop_answer(answer_id)
        source.log.wait_for_end(service.assembly.pace.cancel)
    finally:
        source.remove_reader()
    return read_ended_turn(service, source)


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/answers/<answer_id>", "answer", get_answer)
    add_route(blueprint, "/answers/<answer_id>/stream", "answer_stream", stream_answer)
    add_route(blueprint, "/answers/<answer_id>/cancel", "cancel", cancel_answer, methods=("POST",))


def _read_after(fields: Mapping[str, Any]) -> int:
    """Read the number of the last frame that a reader has seen. A negative number asks for that many frames of what is
    there, and for all that follow."""
    after = read_word(fields, "after", default="0")
    if not _NUMBER.fullmatch(after):
        raise InvalidField("after: expected the number of a frame, or a negative number of frames", field="after")
    return int(after)
