"""This module says how operations refuse: which errors there are, and which of them an operation brings along."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

from qa_service import errors
from qa_service.errors import QAError
from qa_service.web.contract.operations import Access, Operation
from qa_service.wire.error_formats import PROBLEM, ErrorFormat

NEVER_SHOWN = (
    *(errors.Refused, errors.Unavailable, errors.UpstreamError),
    *(errors.Cancelled, errors.TooLong, errors.Unreadable),
)
"""These errors are raised by nobody, or never leave the service as errors."""
MEANINGS: Mapping[type[QAError], str] = {
    QAError: "Something unexpected went wrong. It was logged under the number in the message.",
    errors.Busy: "The session is answering another question; `answerId` is that answer's.",
}
"""These sentences say what some errors mean to callers. All others are described where they are declared."""
_STATUSES: Mapping[type[QAError], tuple[int, ...]] = {
    errors.UpstreamUnavailable: (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
}
"""These errors have more than one status."""

_ALWAYS: tuple[type[QAError], ...] = (errors.BadRequest, QAError)
"""A request of any kind may be unreadable, and any may meet a bug."""
BY_ACCESS: Mapping[Access, tuple[type[QAError], ...]] = {
    "anyone": (),
    "caller": (errors.Unauthenticated,),
    "reader": (errors.Unauthenticated,),
    "signed": (errors.Unauthenticated,),
    "key": (errors.Unauthenticated,),
    "server": (errors.Unauthenticated, errors.ForbiddenOrigin),
    "operator": (errors.Unauthenticated, errors.ForbiddenOrigin),
}
BY_BODY: tuple[type[QAError], ...] = (
    errors.BadMultipart,
    errors.BadJson,
    errors.BodyTimeout,
    errors.TooLarge,
    errors.UnsupportedMediaType,
    errors.RateLimited,
    errors.Overloaded,
)
"""A body may be malformed, slow, too large or of another kind, and a worker may receive too many at once."""
BY_UPSTREAM: tuple[type[QAError], ...] = (
    errors.UpstreamNotConfigured,
    errors.InsufficientQuota,
    errors.UpstreamRejected,
    errors.ParameterRefused,
    errors.UpstreamUnavailable,
    errors.UpstreamRateLimited,
    errors.UpstreamTimeout,
    errors.ContextLength,
    errors.ContentFilter,
    errors.Interrupted,
)
"""With these an answer may fail. They are a status where nothing is streamed, and `error` frames in a stream."""
STORED: tuple[type[QAError], ...] = (errors.NotFound, errors.StoreUnavailable)
"""With these an operation refuses that reads or changes what is stored."""
ASKED: tuple[type[QAError], ...] = (
    errors.NotFound,
    errors.TooManyFiles,
    errors.InvalidField,
    errors.ModelNotAllowed,
    errors.IdempotencyMismatch,
    errors.Busy,
    errors.OverQuota,
    errors.RateLimited,
    errors.Draining,
    errors.Overloaded,
    errors.StoreUnavailable,
    errors.BodyTimeout,
    errors.TooLarge,
    *BY_UPSTREAM,
)
"""With these a question may be refused before its answer begins, or its answer may fail."""
SAFE_METHODS = ("GET",)


def list_errors() -> tuple[type[QAError], ...]:
    """List every error that a caller may see, one for each code and its statuses, in the order of their tree."""
    found: dict[tuple[str, tuple[int, ...]], type[QAError]] = {}
    for error in _walk(QAError):
        if error not in NEVER_SHOWN:
            found.setdefault((error.code, statuses_of(error)), error)
    return tuple(found.values())


def describe_error(error: type[QAError]) -> str:
    """Say what an error means."""
    return MEANINGS.get(error) or error.__doc__ or ""


def statuses_of(error: type[QAError], form: ErrorFormat = PROBLEM) -> tuple[int, ...]:
    """Return the statuses with which an error is told in this form, where nothing is streamed."""
    if error.code in form.statuses:
        return (form.statuses[error.code],)
    return _STATUSES.get(error, (error.status,))


def list_refusals(operation: Operation) -> dict[int, tuple[type[QAError], ...]]:
    """List the errors of an operation by their status. An operation that changes something may be asked from a page of
    another site."""
    raised = (*_ALWAYS, *BY_ACCESS[operation.access], *operation.refusals)
    if operation.body:
        raised = (*raised, *BY_BODY)
    if operation.method not in SAFE_METHODS and operation.access != "anyone":
        raised = (*raised, errors.ForbiddenOrigin)
    statuses = sorted({status for error in raised for status in statuses_of(error, operation.error_format)})
    return {status: _with_status(raised, status, operation.error_format) for status in statuses}


def _with_status(raised: Iterable[type[QAError]], status: int, form: ErrorFormat) -> tuple[type[QAError], ...]:
    by_code = {error.code: error for error in raised if status in statuses_of(error, form)}
    return tuple(by_code.values())


def _walk(error: type[QAError]) -> Iterator[type[QAError]]:
    yield error
    for below in error.__subclasses__():
        yield from _walk(below)
