"""This module has the routes of OpenAI's Chat Completions API: `POST v1/chat/completions` and `GET v1/models`."""

from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.errors import ModelNotAllowed
from qa_service.model import Owner
from qa_service.running.source import AnswerSource
from qa_service.submission import Submission
from qa_service.web.admitting import begin_answer, check_rate, is_known_session
from qa_service.web.attachments import attach_files, list_attachments, room_for_attachments
from qa_service.web.completion_requests import (
    NAMES,
    SESSION_HEADER,
    CompletionRequest,
    CompletionWay,
    read_completion_request,
)
from qa_service.web.forms import read_submission
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.problems import json_response, language_of_request
from qa_service.web.streaming import answered, await_turn, name_answer
from qa_service.web.v1 import named_as_sent, openai_error
from qa_service.wire.completion_objects import build_completion, build_model, build_models
from qa_service.wire.completions import CompletionEncoder
from qa_service.wire.formats import OPENAI
from qa_service.wire.openai_errors import build_stopped_failure

WITH_USAGE = replace(OPENAI, encoder=partial(CompletionEncoder, usage=True))


def complete_chat() -> Response:
    """Answer the last thing that the user says in a conversation, streamed or whole."""
    service, owner = mounted(), asking_owner(asks=True)
    with named_as_sent(NAMES):
        check_rate(service, owner)
        way, source = _ask(service, owner)
    if way.streamed or source is None:
        return answered(service, source, WITH_USAGE if way.usage else OPENAI)
    return name_answer(_whole(service, source), source)


def list_models() -> Response:
    """List the models that a question may name."""
    asking_owner()
    return json_response(build_models(_model_names(mounted())))


def show_model(model: str) -> Response:
    """Show one of the models that a question may name."""
    service, _ = mounted(), asking_owner()
    if model not in _model_names(service) and not service.assembly.settings.allows(model):
        raise ModelNotAllowed(f"model: {model[:100]!r} isn't offered here", field="model")
    return json_response(build_model(model))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/chat/completions", "chat_completions", complete_chat, methods=("POST",))
    add_route(blueprint, "/models", "models", list_models)
    add_route(blueprint, "/models/<path:model>", "model", show_model)


def _ask(service: Mounted, owner: Owner) -> tuple[CompletionWay, AnswerSource | None]:
    """Begin the answer. What was sent, which may be large, is given up before anybody waits for the end."""
    assembly, room = service.assembly, room_for_attachments(service.limits.uploads)
    with read_submission(request, service.limits, json_bytes=room) as sent:
        asked = read_completion_request(
            sent,
            request.headers.get(SESSION_HEADER, ""),
            own_model=assembly.desk.model,
            most=assembly.settings.max_tokens,
        )
        return asked.way, _begin(service, owner, asked, sent)


def _begin(service: Mounted, owner: Owner, asked: CompletionRequest, sent: Submission) -> AnswerSource | None:
    attachments = list_attachments(asked.messages, "messages")
    last = max((number for number, message in enumerate(asked.messages) if message.role == "user"), default=0)
    earlier = any(attachment.message < last for attachment in attachments)
    if earlier and is_known_session(service, owner, asked.session_id):
        # The session has the files of earlier questions already.
        attachments = [attachment for attachment in attachments if attachment.message == last]
    plain = replace(sent, fields=asked.plain_fields())
    with attach_files(plain, attachments, service.limits.uploads, field="messages") as whole:
        return begin_answer(service, owner, whole, OPENAI)


def _whole(service: Mounted, source: AnswerSource) -> Response:
    turn = await_turn(service, source)
    if turn.status == "cancelled":
        return openai_error(build_stopped_failure(language_of_request(request)))
    if turn.error:
        return openai_error(turn.error)
    return json_response(build_completion(turn, service.public_prefix()))


def _model_names(service: Mounted) -> list[str]:
    """List the models by name. Those that only a pattern allows have no names to be listed."""
    assembly = service.assembly
    if assembly.offline:
        return [assembly.desk.model]
    allowed = (assembly.desk.model, *assembly.settings.models_allowed)
    return [name for name in dict.fromkeys(allowed) if not any(sign in name for sign in "*?[")]
