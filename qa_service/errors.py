"""Everything that can go wrong, as one tree; each error knows its code, its status and whether to try again.

    QAError
      Refused             the request itself: 4xx, never worth repeating as it is
        BadRequest 400 > BadMultipart, BadJson
        Unauthenticated 401 · ForbiddenOrigin 403 · NotFound 404 · MethodNotAllowed 405
        TooLarge 413 > TooManyFiles · UnsupportedMediaType 415
        InvalidField 422 > ModelNotAllowed, IdempotencyMismatch
      Unavailable         us, for the moment
        BodyTimeout 408 · Busy 409 · RateLimited 429 · Draining, Overloaded, StoreUnavailable 503
      UpstreamError       the model's service
        UpstreamNotConfigured 503 · InsufficientQuota, UpstreamRejected 502 > UnknownModel, ParameterRefused 422
        UpstreamUnavailable 502/503
        UpstreamRateLimited 429 · UpstreamTimeout 504 · ContextLength, ContentFilter 422
      Interrupted         the worker died or was stopped
      Cancelled           somebody said stop; never shown as an error
      TooLong             the answer has reached the size that is kept
      Unreadable          one uploaded file; becomes its verdict and never leaves `files`

A message is for operators and developers: what was wrong and what was expected, without a secret, a
path or an upstream address in it. The sentence for the person is chosen by code, in `language`.
"""

from collections.abc import Sequence
from typing import ClassVar


class QAError(Exception):
    """The root; as itself it is a bug (`internal`)."""

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
    """Not readable, or cut short."""


class BadMultipart(BadRequest):
    """The multipart body is malformed or ends early."""

    code = "bad_multipart"


class BadJson(BadRequest):
    """The body isn't the JSON it says it is."""

    code = "bad_json"


class Unauthenticated(Refused):
    """No credential, or an unknown one."""

    code = "unauthenticated"
    status = 401


class ForbiddenOrigin(Refused):
    """A browser's page of a site that isn't listed."""

    code = "forbidden_origin"
    status = 403


class NotFound(Refused):
    """Unknown, expired or another's: one answer for all three."""

    code = "not_found"
    status = 404


class MethodNotAllowed(Refused):
    """The path exists, the method doesn't."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str = "", *, allowed: Sequence[str] = ()) -> None:
        """`allowed` are the methods that the path has."""
        super().__init__(message)
        self.allowed = allowed


class TooLarge(Refused):
    """Uploaded bytes over a limit, which the message names."""

    code = "too_large"
    status = 413


class TooManyFiles(TooLarge):
    """More files than a question may bring."""

    code = "too_many_files"


class UnsupportedMediaType(Refused):
    """The request's content type; a file's kind is a verdict, not this."""

    code = "unsupported_media_type"
    status = 415


class InvalidField(Refused):
    """A known field with an impossible value; `field` names it."""

    code = "invalid_field"
    status = 422


class ModelNotAllowed(InvalidField):
    """A model that this server doesn't offer."""

    code = "model_not_allowed"


class IdempotencyMismatch(InvalidField):
    """A key that already stands for another question."""

    code = "idempotency_mismatch"


class Unavailable(QAError):
    """Not now; later may do."""


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
    """Too many questions of one owner."""

    code = "rate_limited"
    status = 429


class Draining(Unavailable):
    """This worker is about to stop; another one answers."""

    code = "draining"
    status = 503


class Overloaded(Unavailable):
    """This worker answers as many questions as it may."""

    code = "overloaded"
    status = 503


class StoreUnavailable(Unavailable):
    """Redis is down, hung, or refuses to write."""

    code = "store_unavailable"
    status = 503


class UpstreamError(QAError):
    """What the model's service did; `status` is what a caller that doesn't stream gets."""

    code = "upstream_unavailable"
    status = 502


class UpstreamNotConfigured(UpstreamError):
    """No key for what was asked."""

    code = "upstream_not_configured"
    status = 503
    retryable = False


class InsufficientQuota(UpstreamError):
    """The account behind the key has run dry."""

    code = "insufficient_quota"
    retryable = False


class UpstreamRejected(UpstreamError):
    """Our request or our key was turned away."""

    code = "upstream_rejected"
    retryable = False


class UnknownModel(UpstreamRejected):
    """Upstream has no such model, or not for us; another one may do."""


class ParameterRefused(UpstreamRejected):
    """The model doesn't take the value of a field that the caller gave; `field` names it."""

    code = "invalid_field"
    status = 422


class UpstreamUnavailable(UpstreamError):
    """A 5xx, an end without a terminal event, or anything unknown; 503 where no connection came about."""

    def __init__(self, message: str = "", *, retry_after: int | None = 60, connected: bool = True) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = 502 if connected else 503


class UpstreamRateLimited(UpstreamError):
    """Upstream's limit, not ours; where it doesn't say how long to wait, we do."""

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


class ContentFilter(UpstreamError):
    """Upstream won't look at this prompt."""

    code = "content_filter"
    status = 422
    retryable = False


class Interrupted(QAError):
    """The worker died or was stopped; the partial text is kept."""

    code = "interrupted"


class Cancelled(QAError):
    """The stop was set while waiting; whoever set it knows why."""

    code = "cancelled"


class TooLong(QAError):
    """The answer has reached the size that is kept; never shown as an error, what there is ends as `length`."""


class Unreadable(QAError):
    """Why a file gives no text, or no more of it; `reason` is the verdict's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
