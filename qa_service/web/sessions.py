"""Conversations: listing, reading, renaming, deleting, beginning a new topic; and their files."""

import math
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from qa_service.errors import InvalidField, Unauthenticated
from qa_service.model import StoredFile
from qa_service.turns import SessionPage, Turn
from qa_service.web.forms import read_fields
from qa_service.web.mounting import Mounted, asking_owner, mounted
from qa_service.web.problems import json_response
from qa_service.web.questions import text_field, whole_field
from qa_service.wire.frames import failure, reference, verdict

LIMIT = 50
MOST = 200
TITLE = 200
INTERNAL = ("passages", "added", "size", "v")
"""What a stored file says that no client needs."""


def list_sessions() -> Response:
    """The caller's conversations, newest first."""
    service, owner = mounted(), asking_owner()
    if owner.kind == "anonymous":
        raise Unauthenticated("a visitor's conversations are not listed; this needs a key, a token or a login")
    found = service.assembly.history.sessions(owner, _cursor(), _limit())
    return json_response(found)


def get_session(session_id: str) -> Response:
    """One conversation, newest turns first."""
    service, owner = mounted(), asking_owner()
    page = service.assembly.history.session(owner, session_id, request.args.get("cursor", ""), _limit())
    return json_response(_session(service, page))


def rename(session_id: str) -> Response:
    """Give it another title."""
    service, owner = mounted(), asking_owner()
    title = text_field(read_fields(request, service.limits), "title", TITLE)
    if not title:
        raise InvalidField("title: expected text", field="title")
    return json_response(service.assembly.editor.rename(owner, session_id, title))


def delete(session_id: str) -> Response:
    """Forget it; what is being answered in it is stopped."""
    service, owner = mounted(), asking_owner()
    for answer_id in service.assembly.editor.delete(owner, session_id):
        service.assembly.runner.stop(answer_id)
    return Response(status=HTTPStatus.NO_CONTENT)


def reset(session_id: str) -> Response:
    """Begin a new topic by hand."""
    return json_response(mounted().assembly.editor.new_topic(asking_owner(), session_id))


def list_files(session_id: str) -> Response:
    """The files it answers from."""
    files = mounted().assembly.shelf.files(asking_owner(), session_id)
    return json_response({"items": [_file(file) for file in files]})


def get_file(session_id: str, file_id: str) -> Response:
    """One of its files."""
    return json_response(_file(mounted().assembly.shelf.file(asking_owner(), session_id, file_id)))


def delete_file(session_id: str, file_id: str) -> Response:
    """Follow-ups don't see it any more."""
    mounted().assembly.shelf.delete_file(asking_owner(), session_id, file_id)
    return Response(status=HTTPStatus.NO_CONTENT)


def get_page(session_id: str, file_id: str, page: int) -> Response:
    """The text of one page."""
    return json_response(mounted().assembly.shelf.page(asking_owner(), session_id, file_id, page))


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    one, files = "/sessions/<session_id>", "/sessions/<session_id>/files"
    blueprint.add_url_rule("/sessions", "sessions", list_sessions, methods=["GET"])
    blueprint.add_url_rule(one, "session", get_session, methods=["GET"])
    blueprint.add_url_rule(one, "rename", rename, methods=["PATCH"])
    blueprint.add_url_rule(one, "delete_session", delete, methods=["DELETE"])
    blueprint.add_url_rule(f"{one}/reset", "reset", reset, methods=["POST"])
    blueprint.add_url_rule(files, "files", list_files, methods=["GET"])
    blueprint.add_url_rule(f"{files}/<file_id>", "file", get_file, methods=["GET"])
    blueprint.add_url_rule(f"{files}/<file_id>", "delete_file", delete_file, methods=["DELETE"])
    blueprint.add_url_rule(f"{files}/<file_id>/pages/<int:page>", "page", get_page, methods=["GET"])


def _limit() -> int:
    return whole_field(request.args, "limit", MOST, default=LIMIT)


def _cursor() -> str:
    """A list's cursor is the last one's moment, which the store compares numbers with."""
    text = request.args.get("cursor", "")
    with suppress(ValueError):
        if not text or math.isfinite(float(text)):
            return text and repr(float(text))
    raise InvalidField("cursor: expected what `next` was", field="cursor")


def _session(service: Mounted, page: SessionPage) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(page)
    turns = [_turn(turn, service.public_prefix()) for turn in page.turns]
    return {**fields, "turns": turns, "files": [_file(file) for file in page.files]}


def _turn(turn: Turn, prefix: str) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(turn)
    kept = ("answerId", "question", "text", "status", "topic", "createdAt")
    error = {"error": failure(turn.error)} if turn.error else {}
    return {
        **{name: fields[name] for name in kept},
        "references": [reference(source, prefix) for source in turn.references],
        "files": [verdict(file) for file in turn.files],
        **error,
    }


def _file(file: StoredFile) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(file)
    return {name: value for name, value in fields.items() if value is not None and name not in INTERNAL}
