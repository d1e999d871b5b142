"""This module has the routes of OpenAI's Chat Completions API: `POST v1/chat/completions` and `GET v1/models`."""

from functools import partial

from flask import Blueprint, Response, request
from msgspec.structs import replace

from qa_service.errors import ModelNotAllowed
from qa_service.model import Owner
from qa_service.running.source import AnswerSource
from qa_service.submission import Submission
from qa_service.web.attachments import list_attachments
from qa_service.web.completion_requests import COMPLETION_NAMES, SESSION_HEADER, read_completion_request
from qa_service.web.foreign_questions import AnswerWay, ForeignQuestion, ask_foreign_question, omit_known_files
from qa_service.web.languages import spoken_language
from qa_service.web.mounting import Mounted, add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.web.refusals import make_refusal
from qa_service.web.streaming import await_turn, name_answer, send_answer
from qa_service.wire.completion_objects import build_completion, build_model, build_models
from qa_service.wire.completions import CompletionEncoder
from qa_service.wire.error_formats import OPENAI_ERROR
from qa_service.wire.formats import OPENAI
from qa_service.wire.openai_errors import build_stopped_failure

WITH_USAGE = replace(OPENAI, encoder=partial(CompletionEncoder, usage=True))


def complete_chat() -> Response:
    """Answer the last thing that the user says in a conversation, streamed or whole."""
    service, owner = mounted(), asking_owner(asks=True)
    source, way = ask_foreign_question(service, owner, partial(_translate, service, owner), COMPLETION_NAMES)
    if way.is_streamed or source is None:
        return send_answer(service, owner, source, way.wanted)
    return name_answer(_whole(service, owner, source), source)


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


def _translate(service: Mounted, owner: Owner, sent: Submission) -> ForeignQuestion:
    asked = read_completion_request(
        sent,
        request.headers.get(SESSION_HEADER, ""),
        own_model=service.assembly.desk.model,
        most=service.assembly.settings.max_tokens,
    )
    attachments = list_attachments(asked.messages, "messages")
    last = max((number for number, message in enumerate(asked.messages) if message.role == "user"), default=0)
    files = omit_known_files(service, owner, asked.session_id, attachments, last)
    way = AnswerWay(WITH_USAGE if asked.wants_usage else OPENAI, asked.is_streamed)
    return ForeignQuestion(asked.plain_fields(), files, way)


def _whole(service: Mounted, owner: Owner, source: AnswerSource) -> Response:
    turn = await_turn(service, owner, source)
    if turn.status == "cancelled":
        return make_refusal(build_stopped_failure(spoken_language() or "en"), OPENAI_ERROR)
    if turn.error:
        return make_refusal(turn.error, OPENAI_ERROR)
    return json_response(build_completion(turn, service.public_prefix()))


def _model_names(service: Mounted) -> list[str]:
    """List the models by name. Those that only a pattern allows have no names to be listed."""
    assembly = service.assembly
    if assembly.offline:
        return [assembly.desk.model]
    allowed = (assembly.desk.model, *assembly.settings.models_allowed)
    return [name for name in dict.fromkeys(allowed) if not any(sign in name for sign in "*?[")]
