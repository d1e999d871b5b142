"""This module answers what operators and clients ask about the service itself."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version

from flask import Blueprint, Response, request

from qa_service.clock import format_moment
from qa_service.errors import InvalidField, StoreUnavailable
from qa_service.fields import read_text
from qa_service.files.kinds import KINDS
from qa_service.metrics import CONTENT_TYPE
from qa_service.setting_values import is_origin
from qa_service.settings import Settings
from qa_service.web.forms import read_fields
from qa_service.web.mounting import add_route, asking_owner, mounted
from qa_service.web.objects import json_response
from qa_service.wire.structs import (
    CallerObject,
    ConfigObject,
    HealthObject,
    IntroductionObject,
    LimitsObject,
    ReadinessObject,
    TokenObject,
)

LONGEST_ORIGIN = 300


def show_health() -> Response:
    """Show that the process answers."""
    return json_response(HealthObject(status="ok"))


def show_readiness() -> Response:
    """Show what the service depends on, one line each. The status is 503 when the store is away or this worker is about
    to stop."""
    settings, ready = mounted().assembly.settings, True
    store = "redis" if settings.redis_url else "embedded, for one machine"
    try:
        mounted().assembly.check_store()
    except StoreUnavailable as error:
        store, ready = error.message, False
    upstream = "offline: no model is configured" if mounted().assembly.offline else "configured"
    draining = mounted().assembly.runner.draining
    found = ReadinessObject(
        status="draining" if draining else "ready" if ready else "unavailable",
        store=store,
        upstream=upstream,
        files=mounted().assembly.sandbox,
        topics=mounted().assembly.topics,
        knowledge=knowledge.describe() if (knowledge := mounted().assembly.knowledge) else "off",
    )
    return json_response(found, HTTPStatus.OK if found.status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE)


def show_config() -> Response:
    """Show what a client must know before it asks."""
    assembly, owner = mounted().assembly, asking_owner()
    settings, offline = assembly.settings, assembly.offline
    return json_response(
        ConfigObject(
            kinds=tuple(sorted(KINDS)),
            limits=LimitsObject(
                question=settings.max_question,
                files=settings.max_files,
                file_bytes=settings.max_file,
                body_bytes=settings.max_body,
            ),
            model=assembly.desk.model,
            models=() if offline else (settings.first_model, *settings.models_allowed),
            web_search=settings.web_search and not offline,
            upstream="offline" if offline else "responses",
            encoder=assembly.encoder.name if assembly.encoder else None,
            caller=CallerObject(kind=owner.kind),
            introduction=_introduce_site(settings),
            show_cost=settings.show_cost,
            currency=settings.currency,
            version=version("qa-service"),
        )
    )


def _introduce_site(settings: Settings) -> IntroductionObject:
    return IntroductionObject(
        name=settings.name,
        greeting=settings.greeting,
        examples=settings.examples,
        logo=settings.logo or None,
        accent=settings.accent or None,
    )


def show_metrics() -> Response:
    """Show what happened so far, over all workers, for Prometheus."""
    service = mounted()
    service.gate.check_key(request)
    response = Response(service.assembly.meter.text(), content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def issue_token() -> Response:
    """Issue a signed token for one of the caller's users, for browsers and phones that must not hold the key."""
    service = mounted()
    token = service.gate.token_maker(request)
    origin = read_text(read_fields(request, service.limits), "origin", LONGEST_ORIGIN)
    if origin and not is_origin(origin):
        raise InvalidField(
            "origin: expected an origin such as https://www.example.com or capacitor://localhost", field="origin"
        )
    expires = datetime.now(UTC) + timedelta(seconds=service.assembly.settings.token_ttl)
    return json_response(TokenObject(token=token(origin), expires_at=format_moment(expires)))


def install(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    add_route(blueprint, "/healthz", "healthz", show_health)
    add_route(blueprint, "/readyz", "readyz", show_readiness)
    add_route(blueprint, "/config", "config", show_config)
    add_route(blueprint, "/metrics", "metrics", show_metrics)
    add_route(blueprint, "/tokens", "tokens", issue_token, methods=("POST",))
