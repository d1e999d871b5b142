"""This module tells an error as OpenAI's APIs tell it, for all formats that their SDKs read.

Those SDKs choose the class of their exception by the HTTP status, and programs look at `code`. So an error that
OpenAI has too gets OpenAI's code and status. Every other error keeps ours.
"""

from collections.abc import Mapping
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from qa_service.errors import Cancelled
from qa_service.frames import Failure
from qa_service.language.phrases import build_failure
from qa_service.model import Language


class OpenAIErrorContent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This is an error in OpenAI's shape. `param` is the field that is wrong, or null.

    `user_message` is a sentence for the person who asked. `retryable` says whether the same request may succeed later,
    and `retry_after` after how many seconds.
    """

    message: str
    type: str
    param: str | None
    code: str
    user_message: str
    retryable: bool
    retry_after: int | None = None


class OpenAIErrorObject(Struct, frozen=True, kw_only=True):
    """This is a refusal of a route under `v1`, and an error in its streams."""

    error: OpenAIErrorContent


_CODES: Mapping[str, str] = {
    "unauthenticated": "invalid_api_key",
    "model_not_allowed": "model_not_found",
    "invalid_field": "invalid_value",
    "rate_limited": "rate_limit_exceeded",
    "context_length": "context_length_exceeded",
    "internal": "internal_error",
}
"""These are OpenAI's codes for errors that have another code here."""

OPENAI_STATUSES: Mapping[str, int] = {
    "model_not_allowed": HTTPStatus.NOT_FOUND,
    "context_length": HTTPStatus.BAD_REQUEST,
    "content_filter": HTTPStatus.BAD_REQUEST,
    "insufficient_quota": HTTPStatus.TOO_MANY_REQUESTS,
}
"""These are OpenAI's HTTP statuses, by our code, for errors that have another status here."""


def build_openai_error(failed: Failure, *, param: str | None = None) -> OpenAIErrorObject:
    """Build the error. `param` is the field that is wrong, under the caller's own name for it."""
    return OpenAIErrorObject(
        error=OpenAIErrorContent(
            message=failed.message,
            type=_type_of(failed),
            param=param,
            code=_CODES.get(failed.code, failed.code),
            user_message=failed.user_message,
            retryable=failed.retryable,
            retry_after=failed.retry_after,
        )
    )


def openai_status(failed: Failure) -> int:
    """Return the HTTP status with which OpenAI's APIs tell this error."""
    return OPENAI_STATUSES.get(failed.code, failed.status)


def build_stopped_failure(language: Language) -> Failure:
    """Build the failure of an answer that somebody has stopped. OpenAI's APIs know no such end, and a client would take
    the text for the whole answer. It isn't to be asked for again by itself."""
    stopped = build_failure(Cancelled("the answer was stopped before its end"), language)
    return replace(stopped, retryable=False, status=HTTPStatus.CONFLICT)


def _type_of(failed: Failure) -> str:
    status = openai_status(failed)
    if failed.code == "insufficient_quota":
        return failed.code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
