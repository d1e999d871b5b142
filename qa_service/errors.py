"""The errors of this package are one tree. Each knows its code, its HTTP status, and whether trying again may help.
In this drawing, the classes behind a `>` are subclasses of the one before it, and a number is the HTTP status.

    QAError
      Refused             the request is at fault: 4xx; repeating it unchanged never helps
        BadRequest 400 > BadMultipart, BadJson
        Unauthenticated 401 · ForbiddenOrigin 403 · NotFound 404 · MethodNotAllowed 405
        TooLarge 413 > TooManyFiles · OverQuota 413 · UnsupportedMediaType 415
        InvalidField 422 > ModelNotAllowed, IdempotencyMismatch
      Unavailable         the service can't do it now; trying again later may help
        BodyTimeout 408 · Busy 409 · RateLimited 429 · Draining, Overloaded, StoreUnavailable 503
      UpstreamError       the model's service is at fault
        UpstreamNotConfigured 503 · InsufficientQuota, UpstreamRejected 502 > UnknownModel, ParameterRefused 422
        UpstreamUnavailable 502/503
        UpstreamRateLimited 429 · UpstreamTimeout 504 · ContextLength, ContentFilter 422
      Interrupted         the worker died or was stopped
      Cancelled           somebody stopped the answer; never shown as an error
      TooLong             the answer has reached the size that is kept
      SearchFailed        a search beside the answer failed; it becomes a line in the log and never leaves `media`
      Unreadable          an uploaded file gives no text; becomes its verdict and never leaves `files`
      CrawlFailed         a website can't be read now; it becomes the site's reason and never leaves `crawling`
      EncoderMissing      there is no sentence encoder; texts are then compared by their words alone

A message is for operators and developers. It says what was wrong and what was expected, and holds no secret, no path
and no address of upstream. The sentence for the person is chosen by the code, in `language.phrases`.
"""

from collections.abc import Sequence
from typing import ClassVar


class QAError(Exception):
    """This is the root of the tree. An error of this class itself means a bug, and is shown as `internal`."""

    code: ClassVar[str] = "internal"
    status: int = 500
    retryable: ClassVar[bool] = True

    def __init__(self, message: str = "", *, retry_after: int | None = None, field: str | None = None) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code
        self.retry_after = retry_after
        self.field = field


class Refused(QAError):
    """The request can't be answered as it is."""

    code = "bad_request"
    status = 400
    retryable = False


class BadRequest(Refused):
    """The request can't be read, or it was cut short."""


class BadMultipart(BadRequest):
    """The multipart body is malformed or ends early."""

    code = "bad_multipart"


class BadJson(BadRequest):
    """The body isn't the JSON it says it is."""

    code = "bad_json"


class Unauthenticated(Refused):
    """The request has no credential, or an unknown one."""

    code = "unauthenticated"
    status = 401


class ForbiddenOrigin(Refused):
    """The request comes from a page of a site that isn't listed."""

    code = "forbidden_origin"
    status = 403


class NotFound(Refused):
    """What is asked for is unknown, has expired or belongs to somebody else. Callers can't tell which."""

    code = "not_found"
    status = 404


class MethodNotAllowed(Refused):
    """The path exists, but not with this method."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str = "", *, allowed: Sequence[str] = ()) -> None:
        """`allowed` are the methods that the path has."""
        super().__init__(message)
        self.allowed = allowed


class TooLarge(Refused):
    """What was sent exceeds a limit, which the message names."""

    code = "too_large"
    status = 413


class TooManyFiles(TooLarge):
    """The question brings more files than it may."""

    code = "too_many_files"


NO_ROOM = "this caller's conversations and files take as much of the store as they may"
"""This is the message of `OverQuota`."""


class OverQuota(Refused):
    """The caller's conversations and files take all of the store that they may take. Some must be deleted, or expire,
    before the next question."""

    code = "over_quota"
    status = 413


class UnsupportedMediaType(Refused):
    """The body has a content type that isn't read. A file of an unknown kind is no error and gets a verdict."""

    code = "unsupported_media_type"
    status = 415


class InvalidField(Refused):
    """A known field has an impossible value; `field` names it."""

    code = "invalid_field"
    status = 422


class ModelNotAllowed(InvalidField):
    """The question names a model that this server doesn't offer."""

    code = "model_not_allowed"


class IdempotencyMismatch(InvalidField):
    """The `Idempotency-Key` stands for another question already."""

    code = "idempotency_mismatch"


class Unavailable(QAError):
    """The service can't do it now; trying again later may help."""


class BodyTimeout(Unavailable):
    """The body didn't arrive in time."""

    code = "body_timeout"
    status = 408


class Busy(Unavailable):
    """The session is answering another question; `answer_id` is that answer's."""

    code = "busy"
    status = 409

    def __init__(self, message: str = "", *, answer_id: str) -> None:
        super().__init__(message)
        self.answer_id = answer_id


class RateLimited(Unavailable):
    """One owner has asked too many questions."""

    code = "rate_limited"
    status = 429


class Draining(Unavailable):
    """This worker is about to stop, and takes no more questions. Another worker may."""

    code = "draining"
    status = 503


class Overloaded(Unavailable):
    """This worker has no room for another question."""

    code = "overloaded"
    status = 503


class StoreUnavailable(Unavailable):
    """Redis is down, hung, or refuses to write."""

    code = "store_unavailable"
    status = 503


class UpstreamError(QAError):
    """The model's service failed. `status` is for callers that don't stream."""

    code = "upstream_unavailable"
    status = 502


class UpstreamNotConfigured(UpstreamError):
    """What was asked for needs a model, and none is configured."""

    code = "upstream_not_configured"
    status = 503
    retryable = False


class InsufficientQuota(UpstreamError):
    """The account behind the key can't pay for the answer."""

    code = "insufficient_quota"
    retryable = False


class UpstreamRejected(UpstreamError):
    """The model's service turned our request or our key away."""

    code = "upstream_rejected"
    retryable = False


class UnknownModel(UpstreamRejected):
    """Upstream doesn't know this model, or doesn't offer it to this key. Another model may work."""


class ParameterRefused(UpstreamRejected):
    """The model doesn't take the value of a field that the caller gave; `field` names it."""

    code = "invalid_field"
    status = 422


class UpstreamUnavailable(UpstreamError):
    """Upstream answered with a 5xx, ended without a terminal event, or did something unknown. The status is 502, or 503
    where no connection came about."""

    def __init__(self, message: str = "", *, retry_after: int | None = 60, connected: bool = True) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = 502 if connected else 503


class UpstreamRateLimited(UpstreamError):
    """Upstream's rate limit is reached. Where upstream doesn't say how long to wait, `retry_after` is 20 seconds."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(message, retry_after=20 if retry_after is None else retry_after)


class UpstreamTimeout(UpstreamError):
    """Connecting, the first token, or the next one took too long."""

    code = "upstream_timeout"
    status = 504


class ContextLength(UpstreamError):
    """The prompt doesn't fit the model."""

    code = "context_length"
    status = 422
    retryable = False

    def __init__(self, message: str = "", *, fitting: float = 0.5) -> None:
        super().__init__(message)
        self.fitting = fitting
        """This share of the prompt may fit, from 0 to 1."""


class ContentFilter(UpstreamError):
    """Upstream's filter refused the prompt."""

    code = "content_filter"
    status = 422
    retryable = False


class Interrupted(QAError):
    """The worker died or was stopped; the partial text is kept."""

    code = "interrupted"


class Cancelled(QAError):
    """The answer was stopped while it waited. Its `Stop` says why."""

    code = "cancelled"


class TooLong(QAError):
    """The answer has reached the size that is kept. It is never shown as an error: the answer ends there, with the
    reason `length`."""


class SearchFailed(QAError):
    """A search for pictures or videos gave nothing. The message says why, for the log."""


class Unreadable(QAError):
    """A file gives no text, or no more of it. `reason` becomes the reason of the file's verdict."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CrawlFailed(QAError):
    """A website can't be read now. What is known of it stays. The message says why, in English."""


class EncoderMissing(QAError):
    """The sentence encoder can't be loaded. The message says what to install."""
