"""What upstream's failures mean here: each becomes one of our errors, without its words, which may hold keys."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import msgspec
import openai
from httptools import HttpParserError

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

FOREIGN = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.CookieConflict,
    httpx2.StreamError,
    HttpParserError,
    OSError,
    ValueError,  # JSON, Unicode and everything else that can't be read
)

_BY_CODE: Mapping[str, tuple[type[UpstreamError], str]] = {
    "rate_limit_exceeded": (UpstreamRateLimited, "upstream's rate limit is reached"),
    "rate_limit_error": (UpstreamRateLimited, "upstream's rate limit is reached"),
    "insufficient_quota": (InsufficientQuota, "the account with upstream has no quota left"),
    "context_length_exceeded": (ContextLength, "the prompt is longer than the model's context"),
    "content_filter": (ContentFilter, "upstream's content filter turned the prompt away"),
    "content_policy_violation": (ContentFilter, "upstream's content filter turned the prompt away"),
    "invalid_prompt": (ContentFilter, "upstream's content filter turned the prompt away"),
    "model_not_found": (UnknownModel, "upstream doesn't know the model"),
    "invalid_api_key": (UpstreamRejected, "upstream refused our credential"),
    "authentication_error": (UpstreamRejected, "upstream refused our credential"),
    "invalid_request_error": (UpstreamRejected, "upstream rejected the request"),
    "invalid_request": (UpstreamRejected, "upstream rejected the request"),
}
_NUMBER = re.compile(r"\d{1,9}(\.\d+)?")
_LONGEST_REFUSAL = 64 * 1024
_REFUSED_CREDENTIAL = (401, 403)
_TIMED_OUT = 408
_CONFLICT = 409
_TOO_MANY = 429
_SERVER_ERROR = 500


@contextmanager
def mapped(stop: Stop) -> Iterator[None]:
    """Lets only our errors out; whatever breaks once `stop` is set is `Cancelled`."""
    try:
        yield
    except (UpstreamError, *FOREIGN) as error:
        if stop.is_set():
            raise Cancelled from error
        if isinstance(error, UpstreamError):
            raise
        raise upstream_error(error) from error


def upstream_error(error: Exception) -> UpstreamError:
    """Our error for one of `FOREIGN`."""
    match error:
        case openai.APIStatusError():
            return _by_status(error)
        case openai.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
            return UpstreamTimeout("upstream was silent for too long")
        case openai.APIConnectionError():
            connected = not isinstance(error.__cause__, httpx2.ConnectError)
            return UpstreamUnavailable("the connection to upstream failed", connected=connected)
        case openai.APIError():
            return failure(error.code, error.type)
        case httpx2.ConnectError() | httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return UpstreamUnavailable("upstream can't be reached", connected=False)
        case _:
            return UpstreamUnavailable("upstream's answer was cut or can't be read")


def refusal(response: httpx2.Response) -> openai.APIStatusError:
    """The SDK's error for an answer that is none, its body read as far as a reason can be expected in it."""
    body = bytearray()
    with suppress(*FOREIGN):  # what it answered stands, also where its reasons are cut off
        for piece in response.iter_raw():
            body += piece
            if len(body) > _LONGEST_REFUSAL:
                break
    try:
        said = msgspec.json.decode(bytes(body))
    except ValueError:
        said = None
    reason = said.get("error", said) if isinstance(said, dict) else said
    return openai.APIStatusError(f"upstream answered {response.status_code}", response=response, body=reason)


def failure(code: str | None, kind: str | None = None) -> UpstreamError:
    """The error for upstream's own code, or else its type; what is unknown may pass: `UpstreamUnavailable`."""
    known = _BY_CODE.get(code or "") or _BY_CODE.get(kind or "")
    if known is None:
        return UpstreamUnavailable(f"upstream failed{_named(code or kind)}")
    error, message = known
    return error(message)


def retry_after(error: UpstreamError) -> float | None:
    """The seconds upstream itself asked us to wait; None when it named none that can be read."""
    cause = error.__cause__
    return _seconds(cause.response.headers) if isinstance(cause, openai.APIStatusError) else None


def _by_status(error: openai.APIStatusError) -> UpstreamError:
    code = error.code if isinstance(error.code, str) else None
    if error.status_code in _REFUSED_CREDENTIAL and code not in _BY_CODE:  # it may be the model that isn't for us
        return UpstreamRejected("upstream refused our credential")
    if error.status_code == _TOO_MANY and code != "insufficient_quota":
        return UpstreamRateLimited("upstream's rate limit is reached", retry_after=_whole(error))
    if error.status_code >= _SERVER_ERROR or error.status_code == _CONFLICT:
        return UpstreamUnavailable(f"upstream answered {error.status_code}", retry_after=_whole(error) or 60)
    if error.status_code == _TIMED_OUT:
        return UpstreamTimeout("upstream answered 408")
    if code in _BY_CODE:
        return failure(code)
    return UpstreamRejected(f"upstream answered {error.status_code}{_named(code)}")


def _whole(error: openai.APIStatusError) -> int | None:
    seconds = _seconds(error.response.headers)
    return None if seconds is None else max(1, round(seconds))


def _seconds(headers: Mapping[str, str]) -> float | None:
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    named = headers.get("retry-after", "").strip()
    return float(named) if _NUMBER.fullmatch(named) else _until(named)


def _until(date: str) -> float | None:
    """The seconds to an HTTP date; zero once it has passed."""
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date; one without a zone
        return None


def _named(code: str | None) -> str:
    return f" ({code})" if code and re.fullmatch(r"[a-z0-9_]{1,64}", code) else ""
