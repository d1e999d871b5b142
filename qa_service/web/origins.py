"""This module tells browsers which pages of other origins may call the service, and keeps them from being misled."""

import re
from http import HTTPStatus

from flask import Blueprint, Response, request

from qa_service.web.addresses import ALL_METHODS
from qa_service.web.identity import Gate

CORS_HEADERS = "Authorization, Content-Type, Accept-Language, Idempotency-Key, Last-Event-ID, X-Session-Id"
SDK_HEADER = re.compile(r"(?:x-stainless|openai|mcp)-[a-z-]{1,40}|user-agent", re.IGNORECASE)
"""OpenAI's SDKs, the AI SDK and clients of the Model Context Protocol send such headers with every request."""
EXPOSED = "X-Session-Id, X-Answer-Id, Retry-After"
OF_FORMATS = "x-vercel-ai-"
"""Headers that say which format an answer has begin with this. Some clients choose their reader by them."""


def install_origins(blueprint: Blueprint, gate: Gate) -> None:
    """Answer the preflights of a blueprint's routes, and add headers to all of their responses. The host's other routes
    keep their own."""

    @blueprint.before_request
    def answer_preflight() -> Response | None:
        return _answer_preflight(gate) if request.method == "OPTIONS" else None

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.vary.update(("Accept", "Origin"))
        origin = request.headers.get("Origin", "")
        if gate.allows_origin(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            of_format = [name for name, _ in response.headers if name.startswith(OF_FORMATS)]
            response.headers["Access-Control-Expose-Headers"] = ", ".join([EXPOSED, *of_format])
        return response


def _answer_preflight(gate: Gate) -> Response:
    """Answer a browser that asks whether its page may send a request from another origin."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    if gate.allows_origin(request.headers.get("Origin", "")):
        response.headers["Access-Control-Allow-Methods"] = ", ".join(ALL_METHODS)
        response.headers["Access-Control-Allow-Headers"] = _allowed_headers()
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _allowed_headers() -> str:
    requested = request.headers.get("Access-Control-Request-Headers", "").split(",")
    of_sdks = [name.strip() for name in requested if SDK_HEADER.fullmatch(name.strip())]
    return ", ".join([CORS_HEADERS, *of_sdks])
