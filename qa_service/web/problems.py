"""This module tells refusals in HTTP, as problems (RFC 9457). It also adds the headers of every response, and applies
the rules for pages of other origins."""

import logging
import re
import secrets
from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Request, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod
from werkzeug.routing import BaseConverter

from qa_service.errors import BadRequest, Busy, MethodNotAllowed, NotFound, QAError, TooLarge
from qa_service.frames import Failure
from qa_service.language.phrases import build_failure
from qa_service.model import Language
from qa_service.web.identity import Gate
from qa_service.web.languages import preferred_language
from qa_service.wire.content import build_problem
from qa_service.wire.lines import encode_line

log = logging.getLogger(__name__)

CORS_HEADERS = "Authorization, Content-Type, Accept-Language, Idempotency-Key, Last-Event-ID, X-Session-Id"
SDK_HEADER = re.compile(r"(?:x-stainless|openai)-[a-z-]{1,40}|user-agent", re.IGNORECASE)
"""OpenAI's SDKs and the AI SDK send such headers with every request. Nothing is decided by them here."""
EXPOSED = "X-Session-Id, X-Answer-Id, Retry-After"
OF_FORMATS = "x-vercel-ai-"
"""The names of headers that say which format an answer has begin with this. Some clients choose their reader by
them."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def language_of_request(asked: Request) -> Language:
    """Tell in which language to write to the person: Korean or English, as `Accept-Language` prefers."""
    return preferred_language(asked.headers.get("Accept-Language", "")) or "en"


def json_response(value: object, status: int = 200, content_type: str = "application/json") -> Response:
    """Make a JSON answer that nobody stores on the way."""
    response = Response(encode_line(value), status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem(failed: Failure, *, field: str | None = None, answer_id: str | None = None) -> Response:
    """Make a problem (RFC 9457), with `Retry-After` where there is something to wait for."""
    body = build_problem(failed, field=field, answer_id=answer_id)
    response = json_response(body, failed.status, "application/problem+json")
    if failed.retry_after is not None:
        response.headers["Retry-After"] = str(failed.retry_after)
    return response


def refuse_request(error: QAError) -> Response:
    """Make the problem for an error that was raised before a stream began."""
    failed = build_failure(error, language_of_request(request))
    response = problem(failed, field=error.field, answer_id=error.answer_id if isinstance(error, Busy) else None)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)  # RFC 9110, section 15.5.6
    return response


def refuse_as_flask_does(error: HTTPException) -> Response:
    """Make the problem for a refusal of Flask's or Werkzeug's own."""
    return refuse_request(translate_refusal(error))


def translate_refusal(error: HTTPException) -> QAError:
    """Return our own error for a refusal of Flask's or Werkzeug's. One that means a bug is logged."""
    match error.code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("no such address")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return method_not_allowed(sorted(error.valid_methods or ()) if isinstance(error, NoSuchMethod) else [])
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge("the body is larger than this site allows")
        case code if code is not None and code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return BadRequest("the request can't be read")
        case _:
            return log_bug(error)


def method_not_allowed(allowed: Sequence[str]) -> MethodNotAllowed:
    """Make the error for a method that the address of this request doesn't have."""
    return MethodNotAllowed(f"{request.method}: expected {' or '.join(allowed)}", allowed=allowed)


class AnyRest(BaseConverter):
    """An `AnyRest` matches whatever follows in an address, including slashes, and also where nothing follows."""

    part_isolating = False
    regex = ".*?"


def refuse_address(rest: str = "") -> Response:
    """Refuse an address below our prefix that doesn't exist, or that doesn't have this method."""
    addresses = current_app.url_map.bind_to_environ(request.environ)
    allowed = [method for method in METHODS if addresses.match(method=method)[0] != request.endpoint]
    if allowed:
        raise method_not_allowed(allowed)
    raise NotFound("no such address" + ("; it has two slashes in a row" if "//" in request.path else ""))


def report_bug(error: Exception) -> Response:
    """Make the problem for any other error. It has the number under which the error was logged."""
    return refuse_request(log_bug(error))


def log_bug(error: Exception) -> QAError:
    """Log an error that means a bug under a number. What is returned has the number, and nothing else of the error."""
    number = secrets.token_hex(8)
    log.error("request failed, id %s", number, exc_info=error)
    return QAError(f"internal error {number}")


def install(blueprint: Blueprint, gate: Gate) -> None:
    """Give a blueprint our errors and headers. The host's other routes keep their own."""
    blueprint.register_error_handler(QAError, refuse_request)
    blueprint.register_error_handler(HTTPException, refuse_as_flask_does)
    blueprint.register_error_handler(Exception, report_bug)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers["Vary"] = "Accept, Origin"
        origin = request.headers.get("Origin", "")
        if gate.allows_origin(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            of_format = [name for name, _ in response.headers if name.startswith(OF_FORMATS)]
            response.headers["Access-Control-Expose-Headers"] = ", ".join([EXPOSED, *of_format])
        return response


def answer_preflight(gate: Gate) -> Response:
    """Answer a browser that asks whether its page may send a request from another origin."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    if gate.allows_origin(request.headers.get("Origin", "")):
        response.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        response.headers["Access-Control-Allow-Headers"] = _allowed_headers()
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _allowed_headers() -> str:
    requested = request.headers.get("Access-Control-Request-Headers", "").split(",")
    of_sdks = [name.strip() for name in requested if SDK_HEADER.fullmatch(name.strip())]
    return ", ".join([CORS_HEADERS, *of_sdks])
