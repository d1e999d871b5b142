"""This module has what all routes under `v1` have in common: they refuse requests as OpenAI's APIs do.

The official SDKs, and programs that are written for them, find their own names in a refusal: OpenAI's codes and
statuses, and the caller's own name of a field that is wrong.
"""

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from qa_service.errors import MethodNotAllowed, QAError
from qa_service.frames import Failure
from qa_service.language.phrases import build_failure
from qa_service.web.problems import json_response, language_of_request, log_bug, translate_refusal
from qa_service.wire.openai_errors import build_openai_error, openai_status


def openai_error(failed: Failure, *, param: str | None = None) -> Response:
    """Make the response for a failure. It tells the official SDKs whether to try again by themselves."""
    response = json_response(build_openai_error(failed, param=param), openai_status(failed))
    response.headers["X-Should-Retry"] = "true" if failed.retryable else "false"
    if failed.retry_after is not None:
        response.headers["Retry-After"] = str(failed.retry_after)
    return response


def refuse_in_v1(error: QAError) -> Response:
    """Make the response for an error that was raised before a stream began."""
    response = openai_error(build_failure(error, language_of_request(request)), param=error.field)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)
    return response


def install_refusals(blueprint: Blueprint) -> None:
    """Give the blueprint of the routes under `v1` their way to refuse requests."""
    blueprint.register_error_handler(QAError, refuse_in_v1)
    blueprint.register_error_handler(HTTPException, _refuse_as_flask_does)
    blueprint.register_error_handler(Exception, _report_bug)


def _refuse_as_flask_does(error: HTTPException) -> Response:
    return refuse_in_v1(translate_refusal(error))


def _report_bug(error: Exception) -> Response:
    return refuse_in_v1(log_bug(error))
