"""This module has the routes that a page with the AI SDK's `useChat` calls: `POST chat`, `GET chat/{chatId}/stream` to
come back to an answer that is still being written, and `POST chat/{chatId}/stop`, since the SDK's own `stop` only hangs
up.

A chat is a session. A page chooses the id of its chat itself, and many pages choose a short one. A visitor's session
must be hard to guess, so the session of such a chat has an id of its own, which is made of the chat's id and of the
visitor's address.
"""

from contextlib import ExitStack, suppress
from functools import partial
from hashlib import blake2b
from http import HTTPStatus

import msgspec
from flask import Blueprint, Response

from qa_service.desk import HARD_TO_GUESS
from qa_service.errors import NotFound
from qa_service.model import Owner
from qa_service.questions import SESSION_ID
from qa_service.submission import Submission
from qa_service.web.foreign_questions import AnswerWay, ForeignQuestion, ask_foreign_question, omit_known_files
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.sessions import list_running_answers
from qa_service.web.streaming import send_answer
from qa_service.web.ui_messages import choose_chat_format, read_chat_page
from qa_service.wire.formats import UI_MESSAGE

MADE_BY_PAGE = 16
"""The AI SDK makes ids of this many characters. A visitor's shorter id may be a name that others choose, too."""


def ask_in_chat() -> Response:
    """Answer a chat page's question."""
    service, owner = mounted(), asking_owner(asks=True)
    source, way = ask_foreign_question(service, owner, partial(_translate, service, owner), {})
    return send_answer(service, owner, source, way.wanted)


def resume_chat(chat_id: str) -> Response:
    """Stream the answer that is being written in a chat, from its beginning. It is a 204 where none is."""
    service, owner = mounted(), asking_owner(streams=True)
    service.assembly.runner.check_room_to_read(owner)
    for answer_id in _find_running(service, owner, chat_id):
        with suppress(NotFound):  # It was deleted a moment ago.
            source = service.assembly.runner.find_answer(owner, answer_id)
            service.assembly.meter.count_event("resumes")
            return send_answer(service, owner, source, UI_MESSAGE)
    return send_answer(service, owner, None, UI_MESSAGE)


def stop_chat(chat_id: str) -> Response:
    """Stop the answer that is being written in a chat. What was written is kept. Stopping it again changes nothing."""
    service, owner = mounted(), asking_owner()
    # Where other workers can't be told of one stop, the other answers are still stopped, and the error is raised then.
    with ExitStack() as steps:
        for answer_id in _find_running(service, owner, chat_id):
            steps.callback(service.assembly.runner.stop_answer, answer_id)
    return Response(status=HTTPStatus.NO_CONTENT)


def find_chat_session(owner: Owner, chat_id: str) -> str:
    """Return the id of the session that a page's chat is. It is empty where every question begins a new session."""
    is_visitor = owner.kind == "anonymous"
    if SESSION_ID.fullmatch(chat_id) and len(chat_id) >= (HARD_TO_GUESS if is_visitor else 1):
        return chat_id
    if len(chat_id) < (MADE_BY_PAGE if is_visitor else 1):
        return ""
    named = msgspec.json.encode((chat_id, owner.address))
    return blake2b(named, key=owner.key.encode(), digest_size=16).hexdigest()


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/chat", "chat", ask_in_chat, methods=("POST",))
    add_route(blueprint, "/chat/<chat_id>/stream", "chat_stream", resume_chat)
    add_route(blueprint, "/chat/<chat_id>/stop", "chat_stop", stop_chat, methods=("POST",))


def _translate(service: Mounted, owner: Owner, sent: Submission) -> ForeignQuestion:
    page = read_chat_page(sent.fields)
    wanted = choose_chat_format(sent.fields, page)
    fields = page.plain_fields(sent.fields, find_chat_session(owner, page.chat_id))
    rewind = page.rewind()
    session_id = str(fields.get("sessionId", ""))
    files = omit_known_files(service, owner, session_id, page.attachments(), page.asked)
    return ForeignQuestion(fields, files, AnswerWay(wanted), rewind)


def _find_running(service: Mounted, owner: Owner, chat_id: str) -> list[str]:
    session_id = find_chat_session(owner, chat_id)
    return list_running_answers(service, owner, session_id) if session_id else []
