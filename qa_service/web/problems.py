"""Refusals as HTTP: RFC 9457 problems, the headers every answer carries, and cross-origin rules."""

import logging
import secrets
from http import HTTPStatus

from flask import Blueprint, Request, Response, current_app, request
from werkzeug.exceptions import HTTPException

from qa_service.errors import BadRequest, Busy, MethodNotAllowed, NotFound, QAError, TooLarge
from qa_service.frames import Failure
from qa_service.language.phrases import build_failure
from qa_service.model import Language
from qa_service.web.identity import Gate
from qa_service.wire.frames import failure as failure_fields
from qa_service.wire.frames import one_line

log = logging.getLogger(__name__)

CORS_HEADERS = "Authorization, Content-Type, Accept-Language, Idempotency-Key, Last-Event-ID"
EXPOSED = "X-Session-Id, X-Answer-Id, Retry-After"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def language_of_request(asked: Request) -> Language:
    """What to write to the person in: Korean or English, as `Accept-Language` prefers."""
    return "ko" if asked.accept_languages.best_match(["en", "ko"]) == "ko" else "en"


def json_response(value: object, status: int = 200, content_type: str = "application/json") -> Response:
    """A JSON answer; nothing of it may be stored on the way."""
    response = Response(one_line(value), status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem(failed: Failure, **extra: object) -> Response:
    """The body of a problem (RFC 9457), with `Retry-After` where there is something to wait for."""
    fields = {
        "type": "about:blank",
        "title": HTTPStatus(failed.status).phrase,
        "status": failed.status,
        "detail": failed.message,
        **failure_fields(failed),
        **extra,
    }
    response = json_response(fields, failed.status, "application/problem+json")
    if failed.retry_after is not None:
        response.headers["Retry-After"] = str(failed.retry_after)
    return response


def refusal(error: QAError) -> Response:
    """The problem for an error raised before a stream began."""
    extra: dict[str, object] = {"field": error.field} if error.field else {}
    extra |= {"answerId": error.answer_id} if isinstance(error, Busy) else {}
    return problem(build_failure(error, language_of_request(request)), **extra)


def http_refusal(error: HTTPException) -> Response:
    """Flask's and Werkzeug's own refusals, in our shape."""
    match error.code:
        case HTTPStatus.NOT_FOUND:
            return refusal(NotFound("no such address"))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return refusal(MethodNotAllowed(f"{request.method} is not understood here"))
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return refusal(TooLarge("the body is larger than this site allows"))
        case code if code is not None and code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return refusal(BadRequest("the request can't be read"))
        case _:
            return bug(error)


def elsewhere(rest: str) -> Response:
    """An address below our prefix that isn't one, or not with this method."""
    addresses = current_app.url_map.bind_to_environ(request.environ)
    allowed = [method for method in METHODS if addresses.match(method=method)[0] != request.endpoint]
    if not allowed:
        raise NotFound("no such address")
    response = refusal(MethodNotAllowed(f"{request.method}: expected {' or '.join(allowed)}"))
    response.headers["Allow"] = ", ".join(allowed)
    return response


def bug(error: Exception) -> Response:
    """Anything else: logged with an id that the problem carries, and nothing else of it."""
    number = secrets.token_hex(8)
    log.error("request failed, id %s", number, exc_info=error)
    return refusal(QAError(f"internal error {number}"))


def install(blueprint: Blueprint, gate: Gate) -> None:
    """Give a blueprint our errors and headers; the host's other routes keep their own."""
    blueprint.register_error_handler(QAError, refusal)
    blueprint.register_error_handler(HTTPException, http_refusal)
    blueprint.register_error_handler(Exception, bug)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers["Vary"] = "Accept, Origin"
        origin = request.headers.get("Origin", "")
        if gate.allows_origin(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response


def preflight(gate: Gate) -> Response:
    """The answer to a browser that asks whether it may ask."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    if gate.allows_origin(request.headers.get("Origin", "")):
        response.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
    return response
