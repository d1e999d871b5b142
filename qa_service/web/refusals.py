"""This module makes responses of errors. Each blueprint has one form in which its routes refuse, out of the table in
`wire/error_formats.py`."""

import logging
import secrets
from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from qa_service.errors import BadRequest, MethodNotAllowed, NotFound, QAError, TooLarge
from qa_service.frames import Failure
from qa_service.language.phrases import build_failure
from qa_service.web.languages import spoken_language
from qa_service.web.objects import json_response
from qa_service.wire.error_formats import PROBLEM, ErrorFormat

log = logging.getLogger(__name__)


def install_refusals(blueprint: Blueprint, form: ErrorFormat) -> None:
    """Let all routes of a blueprint refuse in this form, whatever error they raise."""
    blueprint.register_error_handler(Exception, lambda error: refuse_error(read_error(error), form))


def refuse_error(error: QAError, form: ErrorFormat = PROBLEM) -> Response:
    """Make the response for an error that was raised before a stream began."""
    return make_refusal(build_failure(error, spoken_language() or "en"), form, error)


def make_refusal(failed: Failure, form: ErrorFormat = PROBLEM, error: QAError | None = None) -> Response:
    """Make the response for what people are told of an error. It has `Retry-After` where there is something to wait
    for."""
    status = form.statuses.get(failed.code, failed.status)
    response = json_response(form.build(failed, error), status, form.media_type)
    if failed.retry_after is not None:
        response.headers["Retry-After"] = str(failed.retry_after)
    if form.tells_retries:
        response.headers["X-Should-Retry"] = "true" if failed.retryable else "false"
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)  # RFC 9110, section 15.5.6 asks for it.
    return response


def read_error(error: Exception) -> QAError:
    """Return an error of ours for any error that a route raises. One that means a bug is logged."""
    match error:
        case QAError():
            return error
        case HTTPException(code=HTTPStatus.NOT_FOUND):
            return NotFound("no such address")
        case HTTPException(code=HTTPStatus.METHOD_NOT_ALLOWED):
            return method_not_allowed(sorted(error.valid_methods or ()) if isinstance(error, NoSuchMethod) else [])
        case HTTPException(code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return TooLarge("the body is larger than this site allows")
        case HTTPException(code=int(code)) if code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return BadRequest("the request can't be read")
        case _:
            return _log_bug(error)


def method_not_allowed(allowed: Sequence[str]) -> MethodNotAllowed:
    """Make the error for a method that the address of this request doesn't have."""
    return MethodNotAllowed(f"{request.method}: expected {' or '.join(allowed)}", allowed=allowed)


def _log_bug(error: Exception) -> QAError:
    """Log an error that means a bug under a number. What is returned has the number, and nothing else of the error."""
    number = secrets.token_hex(8)
    log.error("request failed, id %s", number, exc_info=error)
    return QAError(f"internal error {number}")
