"""This module has the table of the forms in which routes refuse. A protocol with a form of its own needs a row here,
and a blueprint that gets this row (`web/extension.py`)."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from qa_service.errors import Busy, QAError
from qa_service.frames import Failure
from qa_service.wire.content import build_problem
from qa_service.wire.openai_errors import OPENAI_STATUSES, OpenAIErrorObject, build_openai_error
from qa_service.wire.structs import ProblemObject

ErrorBuilder: TypeAlias = Callable[[Failure, QAError | None], Struct]
"""A builder makes the body of a refusal of what people are told, and of the error where it was raised in this request.
An answer that failed has no such error any more."""


class ErrorFormat(Struct, frozen=True):
    """An `ErrorFormat` is the form in which the routes of one protocol refuse."""

    media_type: str
    shape: type[Struct]
    """This is the declaration of what `build` returns."""
    build: ErrorBuilder
    statuses: Mapping[str, int] = {}
    """These are the HTTP statuses, by our code, of errors that have another status in this protocol."""
    names_code: bool = True
    """This says whether the field `code` of the body holds our code of the error."""
    tells_retries: bool = False
    """This says whether the header `X-Should-Retry` tells the client to try again by itself, or not to."""


def _build_problem(failed: Failure, error: QAError | None) -> ProblemObject:
    answer_id = error.answer_id if isinstance(error, Busy) else None
    return build_problem(failed, field=error.field if error else None, answer_id=answer_id)


def _build_openai_error(failed: Failure, error: QAError | None) -> OpenAIErrorObject:
    return build_openai_error(failed, param=error.field if error else None)


PROBLEM = ErrorFormat("application/problem+json", ProblemObject, _build_problem)
OPENAI_ERROR = ErrorFormat(
    "application/json",
    OpenAIErrorObject,
    _build_openai_error,
    statuses=OPENAI_STATUSES,
    names_code=False,
    tells_retries=True,
)
