"""What operators and clients ask about the service itself: is it there, is it ready, what does it take."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version

from flask import Blueprint, Response, request

from qa_service.clock import written
from qa_service.errors import StoreUnavailable
from qa_service.files.kinds import KINDS
from qa_service.web.forms import read_fields
from qa_service.web.mounting import asking_owner, mounted
from qa_service.web.problems import json_response
from qa_service.web.questions import text_field

ORIGIN = 300


def healthz() -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


def readyz() -> Response:
    """Its dependencies, one line each; 503 when one that it needs is away."""
    settings, ready = mounted().assembly.settings, True
    store = "redis" if settings.redis_url else "embedded, for one machine"
    try:
        mounted().assembly.check_store()
    except StoreUnavailable as error:
        store, ready = error.message, False
    upstream = "offline: no model is configured" if settings.answers_itself else "configured"
    fields = {"status": "ready" if ready else "unavailable", "store": store, "upstream": upstream}
    return json_response(fields, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


def config() -> Response:
    """What a client must know before it asks."""
    settings, owner = mounted().assembly.settings, asking_owner()
    return json_response(
        {
            "kinds": sorted(KINDS),
            "limits": {
                "question": settings.max_question,
                "files": settings.max_files,
                "fileBytes": settings.max_file,
                "bodyBytes": settings.max_body,
            },
            "model": mounted().assembly.desk.model,
            "models": [] if settings.answers_itself else [settings.model, *settings.models_allowed],
            "webSearch": settings.web_search and not settings.answers_itself,
            "upstream": "offline" if settings.answers_itself else "responses",
            "caller": {"kind": owner.kind},
            "version": version("qa-service"),
        }
    )


def tokens() -> Response:
    """A signed token for one of the caller's users, for browsers and phones that must not hold the key."""
    service = mounted()
    fields = read_fields(request, service.limits)
    origin = text_field(fields, "origin", ORIGIN)
    expires = datetime.now(UTC) + timedelta(seconds=service.assembly.settings.token_ttl)
    token = service.gate.token(request, origin)
    return json_response({"token": token, "expiresAt": written(expires)})


def install(blueprint: Blueprint) -> None:
    """The routes of this module."""
    for name, view in (("healthz", healthz), ("readyz", readyz), ("config", config)):
        blueprint.add_url_rule(f"/{name}", name, view, methods=["GET"])
    blueprint.add_url_rule("/tokens", "tokens", tokens, methods=["POST"])
