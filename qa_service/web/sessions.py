"""This module has the routes of conversations and their files: to list, read, rename and delete them."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.errors import InvalidField, NotFound, QAError, Unauthenticated
from qa_service.fields import read_text
from qa_service.model import Owner
from qa_service.web.forms import read_fields, read_query
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.web.paging import read_limit, read_time_cursor
from qa_service.wire.content import (
    build_file,
    build_file_list,
    build_page,
    build_session,
    build_session_entry,
    build_session_list,
)

LONGEST_SESSION_TITLE = 200
TURN_ID = re.compile(r"[0-9a-f]{32}")
_RECENT = 10
"""This many turns are searched for answers that are still being written. Only the newest turns can have one."""


def list_sessions() -> Response:
    """List the caller's conversations, newest first."""
    service, owner = mounted(), asking_owner()
    if owner.kind == "anonymous":
        raise Unauthenticated("a visitor's conversations are not listed; this needs a key, a token or a login")
    query = read_query(request)
    found = service.assembly.history.list_sessions(owner, read_time_cursor(query), read_limit(query))
    return json_response(build_session_list(found))


def get_session(session_id: str) -> Response:
    """Show one conversation, newest turns first."""
    service, owner, query = mounted(), asking_owner(), read_query(request)
    page = service.assembly.history.load_conversation(owner, session_id, _turn_cursor(query), read_limit(query))
    renewed = replace(page, turns=tuple(service.assembly.links.renew_links(owner, turn) for turn in page.turns))
    return json_response(build_session(renewed, service.public_prefix()))


def rename_session(session_id: str) -> Response:
    """Give a conversation another title."""
    service, owner = mounted(), asking_owner()
    title = read_text(read_fields(request, service.limits), "title", LONGEST_SESSION_TITLE)
    if not title:
        raise InvalidField("title: expected text", field="title")
    return json_response(build_session_entry(service.assembly.history.rename_session(owner, session_id, title)))


def delete_session(session_id: str) -> Response:
    """Delete a conversation, and stop the answers that are being written in it."""
    service, owner = mounted(), asking_owner()
    running: Iterable[str] = list_running_answers(service, owner, session_id)
    try:
        running = service.assembly.history.delete_session(owner, session_id)
    finally:
        # The store may have carried the deletion out before it went away. Nobody would read these answers then.
        _stop_answers(service, running)
    return Response(status=HTTPStatus.NO_CONTENT)


def begin_topic(session_id: str) -> Response:
    """Begin a new topic by hand."""
    return json_response(build_session_entry(mounted().assembly.history.begin_topic(asking_owner(), session_id)))


def reopen_topic(session_id: str, topic: int) -> Response:
    """Go back to an earlier topic by hand."""
    history = mounted().assembly.history
    return json_response(build_session_entry(history.reopen_topic(asking_owner(), session_id, topic)))


def list_files(session_id: str) -> Response:
    """List the files that a conversation is answered from."""
    files = mounted().assembly.history.list_files(asking_owner(), session_id)
    return json_response(build_file_list(files))


def get_file(session_id: str, file_id: str) -> Response:
    """Show one file of a conversation."""
    return json_response(build_file(mounted().assembly.history.find_file(asking_owner(), session_id, file_id)))


def delete_file(session_id: str, file_id: str) -> Response:
    """Delete a file, so that later questions don't see it any more."""
    mounted().assembly.history.delete_file(asking_owner(), session_id, file_id)
    return Response(status=HTTPStatus.NO_CONTENT)


def get_page(session_id: str, file_id: str, page: int) -> Response:
    """Show the text of one page of a file."""
    return json_response(build_page(mounted().assembly.history.load_page(asking_owner(), session_id, file_id, page)))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    one, files = "/sessions/<session_id>", "/sessions/<session_id>/files"
    add_route(blueprint, "/sessions", "sessions", list_sessions)
    add_route(blueprint, one, "session", get_session)
    add_route(blueprint, one, "rename", rename_session, methods=("PATCH",))
    add_route(blueprint, one, "delete_session", delete_session, methods=("DELETE",))
    add_route(blueprint, f"{one}/reset", "reset", begin_topic, methods=("POST",))
    add_route(blueprint, f"{one}/topics/<int:topic>/reopen", "reopen", reopen_topic, methods=("POST",))
    add_route(blueprint, files, "files", list_files)
    add_route(blueprint, f"{files}/<file_id>", "file", get_file)
    add_route(blueprint, f"{files}/<file_id>", "delete_file", delete_file, methods=("DELETE",))
    add_route(blueprint, f"{files}/<file_id>/pages/<int:page>", "page", get_page)


def _turn_cursor(query: Mapping[str, str]) -> str:
    """Read the cursor of a conversation. It is the id of the last turn that was shown."""
    cursor = query.get("cursor", "")
    if cursor and not TURN_ID.fullmatch(cursor):
        raise InvalidField("cursor: expected the value that `next` had", field="cursor")
    return cursor


def list_running_answers(service: Mounted, owner: Owner, session_id: str) -> list[str]:
    """Return the ids of the answers that are being written in a session, newest first. There are none in a session that
    doesn't exist."""
    try:
        page = service.assembly.history.load_conversation(owner, session_id, "", _RECENT)
    except NotFound:
        return []  # Where a deletion is repeated the session is gone, but `delete_session` still tells what ran in it.
    return [turn.answer_id for turn in page.turns if turn.status == "running"]


def _stop_answers(service: Mounted, answer_ids: Iterable[str]) -> None:
    for answer_id in answer_ids:
        # Where another worker can't be told now, the runner tells it as soon as the store is back.
        with suppress(QAError):
            service.assembly.runner.stop_answer(answer_id)
