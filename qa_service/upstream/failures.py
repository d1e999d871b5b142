"""This module maps upstream's failures to our errors. None of them repeats upstream's words, which may hold keys."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import openai
from httptools import HttpParserError
from msgspec import Struct

from qa_service.errors import (
    Cancelled,
    ContentFilter,
    ContextLength,
    InsufficientQuota,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from qa_service.interfaces import Stop
from qa_service.upstream import too_long
from qa_service.upstream.fields import parse_json, read_struct

FOREIGN = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.CookieConflict,
    httpx2.StreamError,
    HttpParserError,
    OSError,
    ValueError,  # Decoders raise it, such as those of JSON and Unicode.
)

_QUOTA = (InsufficientQuota, "the account with upstream can't pay for the answer")
_LIMIT = (UpstreamRateLimited, "upstream's rate limit is reached")
_FILTER = (ContentFilter, "upstream's content filter turned the prompt away")
_TOO_LONG = (ContextLength, "the prompt is longer than the model's context")
_NO_MODEL = (UnknownModel, "upstream doesn't know the model")
_CREDENTIAL = (UpstreamRejected, "upstream refused our credential")
_REQUEST = (UpstreamRejected, "upstream rejected the request")

_BY_CODE: Mapping[str, tuple[type[UpstreamError], str]] = {
    "rate_limit_exceeded": _LIMIT,
    "rate_limit_error": _LIMIT,
    "insufficient_quota": _QUOTA,
    "insufficient_balance": _QUOTA,
    "insufficient_credits": _QUOTA,
    "insufficient_user_quota": _QUOTA,
    "exceeded_current_quota_error": _QUOTA,
    "billing_not_active": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    "billing_error": _QUOTA,
    "payment_required": _QUOTA,
    "account_deactivated": _QUOTA,
    "access_terminated": _QUOTA,
    "context_length_exceeded": _TOO_LONG,
    "context_window_exceeded": _TOO_LONG,
    "exceed_context_size_error": _TOO_LONG,
    "model_max_prompt_tokens_exceeded": _TOO_LONG,
    "string_above_max_length": _TOO_LONG,
    "content_filter": _FILTER,
    "content_policy_violation": _FILTER,
    "invalid_prompt": _FILTER,
    "model_not_found": _NO_MODEL,
    "DeploymentNotFound": _NO_MODEL,
    "invalid_api_key": _CREDENTIAL,
    "authentication_error": _CREDENTIAL,
    "permission_error": _CREDENTIAL,
    "invalid_request_error": _REQUEST,
    "invalid_request": _REQUEST,
}
_BY_STATUS: Mapping[int, tuple[type[UpstreamError], str]] = {
    401: _CREDENTIAL,
    402: _QUOTA,
    403: _CREDENTIAL,
    408: (UpstreamTimeout, "upstream answered 408"),
    409: (UpstreamUnavailable, "upstream answered 409"),
    429: _LIMIT,
}
_LASTING = (InsufficientQuota, ContextLength, ContentFilter, UnknownModel)
"""Waiting doesn't help against these errors, whatever status they come with."""
# Many compatible servers have no code for these failures, and tell them in words alone. Words count only where the
# failure is about the request. Between two words that must be near each other the first one doesn't come again, so that
# each part of a hostile text is looked at once.
_BY_WORDS = (
    (too_long.TOLD, _TOO_LONG),
    (
        re.compile(r"model\b(?:(?!model\b).){0,300}?\bnot (?:found|exist)|(?:unknown|valid) model", re.I | re.S),
        _NO_MODEL,
    ),
)
_OF_THE_REQUEST = (0, 400, 404, 413, 422, 500)
_NUMBER = re.compile(r"\d{1,9}(\.\d+)?")
_STATUS = re.compile(r"[45]\d\d")
_CODE = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST_REFUSAL = 64 * 1024
_SERVER_ERROR = 500
_LONGEST_WAIT = 24 * 3600
"""Callers are asked to wait for this many seconds at most. Their timers take no more than 24 days."""


class FailureReport(Struct, frozen=True):
    """A `FailureReport` is a failure as upstream describes it."""

    code: str | None = None
    """It is a name, or an HTTP status, which some servers write as a number."""
    type: str | None = None
    message: str | None = None
    """This is upstream's sentence. It may hold keys and addresses, so nobody gets to see it."""
    n_ctx: int | None = None
    """llama.cpp says here how many tokens its model reads at once."""
    n_prompt_tokens: int | None = None
    """llama.cpp says here how many tokens the prompt has."""

    @property
    def words(self) -> str:
        """Return all that upstream says, to be searched."""
        return f"{self.code} {self.message} n_ctx {self.n_ctx} {self.n_prompt_tokens}"


@contextmanager
def map_failures(stop: Stop) -> Iterator[None]:
    """Turn foreign errors into ours. Whatever breaks once `stop` is set becomes `Cancelled`."""
    try:
        yield
    except (UpstreamError, *FOREIGN) as error:
        if stop.is_set():
            raise Cancelled from error
        if isinstance(error, UpstreamError):
            raise
        raise map_error(error) from error


def map_error(error: Exception) -> UpstreamError:
    """Find our error for an exception that is one of `FOREIGN`."""
    match error:
        case openai.APIStatusError():
            return _map_status(error)
        case openai.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
            return UpstreamTimeout("upstream was silent for too long")
        case openai.APIConnectionError():
            connected = not isinstance(error.__cause__, httpx2.ConnectError)
            return UpstreamUnavailable("the connection to upstream failed", connected=connected)
        case openai.APIError():
            return map_report(read_report(error.body) or FailureReport())
        case httpx2.ConnectError() | httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return UpstreamUnavailable("upstream can't be reached", connected=False)
        case _:
            return UpstreamUnavailable("upstream's answer was cut or can't be read")


def read_refusal(response: httpx2.Response) -> openai.APIStatusError:
    """Make the SDK's error from a response that is no answer. Its `body` is the reason that upstream gives, if any.

    At most 64 KiB of the response are read."""
    body = bytearray()
    with suppress(*FOREIGN):  # The status is right even where the reason is cut off.
        for piece in response.iter_raw():
            body += piece
            if len(body) > _LONGEST_REFUSAL:
                break
    reason: object = None
    with suppress(ValueError):
        said = parse_json(bytes(body))
        reason = said.get("error", said) if isinstance(said, dict) else said
    return openai.APIStatusError(f"upstream answered {response.status_code}", response=response, body=reason)


def read_report(said: object) -> FailureReport | None:
    """Read what upstream says of its error: an object, a text, a number, a list, or an object around one of those.

    The result is None where nothing is said.
    """
    while inner := _find_inner(said):
        said = inner
    if isinstance(said, (str, int)):
        return FailureReport(code=str(said)) if said else None
    report = read_struct(FailureReport, said)
    return None if report == FailureReport() else report


def map_report(report: FailureReport) -> UpstreamError:
    """Find our error for what upstream reports within an answer. An unknown failure is `UpstreamUnavailable`."""
    status = next((int(name) for name in _names(report) if _STATUS.fullmatch(name)), 0)
    return _judge(status, report)


def retry_after(error: UpstreamError) -> float | None:
    """Return the seconds that upstream asked us to wait, or None when it named none that can be read."""
    cause = error.__cause__
    return _seconds(cause.response.headers) if isinstance(cause, openai.APIStatusError) else None


def _find_inner(said: object) -> object:
    if isinstance(said, list):
        return next(iter(said), None)
    return said.get("error") if isinstance(said, dict) else None


def _map_status(error: openai.APIStatusError) -> UpstreamError:
    return _judge(error.status_code, read_report(error.body) or FailureReport(), _seconds_to_wait(error))


def _names(report: FailureReport) -> list[str]:
    return [name for name in (report.code, report.type) if name]


def _judge(status: int, report: FailureReport, wait: int | None = None) -> UpstreamError:
    """Find our error for an HTTP status and what upstream reports with it. The status is 0 where there was none.

    An error against which waiting doesn't help is preferred, then the status, then the first name that is known."""
    names = _names(report)
    known = [_BY_CODE[name] for name in names if name in _BY_CODE]
    if status in _OF_THE_REQUEST:
        known += [found for words, found in _BY_WORDS if words.search(f"{report.code} {report.message}")]
    if status:
        known = [found for found in known if found is not _REQUEST]  # The status says more.
    lasting = [found for found in known if found[0] in _LASTING]
    by_status = [_BY_STATUS[status]] if status in _BY_STATUS else []
    if status >= _SERVER_ERROR:
        by_status = [(UpstreamUnavailable, f"upstream answered {status}")]
    kind, message = next(iter((*lasting, *by_status, *known)), _unknown(status, names))
    if wait is not None and issubclass(kind, (UpstreamRateLimited, UpstreamUnavailable)):
        return kind(message, retry_after=wait)
    if kind is ContextLength:
        return ContextLength(message, fitting=too_long.read_fitting_share(report.words))
    return kind(message)


def _unknown(status: int, names: Sequence[str]) -> tuple[type[UpstreamError], str]:
    named = next((f" ({name})" for name in names if _CODE.fullmatch(name)), "")
    if status:
        return UpstreamRejected, f"upstream answered {status}{named}"
    return UpstreamUnavailable, f"upstream failed{named}"


def _seconds_to_wait(error: openai.APIStatusError) -> int | None:
    seconds = _seconds(error.response.headers)
    return None if seconds is None else min(max(1, round(seconds)), _LONGEST_WAIT)


def _seconds(headers: Mapping[str, str]) -> float | None:
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    named = headers.get("retry-after", "").strip()
    return float(named) if _NUMBER.fullmatch(named) else _until(named)


def _until(date: str) -> float | None:
    """Return the seconds until an HTTP date, or zero once it has passed."""
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # It is no date, or one without a time zone.
        return None
