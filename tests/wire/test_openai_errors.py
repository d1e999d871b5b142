"""An error in OpenAI's shape: its codes and statuses where OpenAI has that error too."""

from collections.abc import Iterator

import pytest

from qa_service import errors
from qa_service.errors import QAError
from qa_service.language.phrases import build_failure
from qa_service.wire.openai_errors import build_openai_error, build_stopped_failure, openai_status


def every_error(kind: type[QAError] = QAError) -> Iterator[QAError]:
    arguments = {"answer_id": "a1"} if kind is errors.Busy else {}
    yield kind("what was wrong", **arguments)
    for child in kind.__subclasses__():
        yield from every_error(child)


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: type(error).__name__)
def test_every_error_has_a_message_a_type_and_a_code(error: QAError) -> None:
    told = build_openai_error(build_failure(error, "ko"), param="messages").error
    assert told.message == error.message
    assert told.code
    assert told.param == "messages"
    assert told.type in ("invalid_request_error", "rate_limit_error", "insufficient_quota", "server_error")
    assert 400 <= openai_status(build_failure(error, "ko")) < 600


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.Unauthenticated(), 401, "invalid_request_error", "invalid_api_key"),
        (errors.ModelNotAllowed(), 404, "invalid_request_error", "model_not_found"),
        (errors.InvalidField(), 422, "invalid_request_error", "invalid_value"),
        (errors.RateLimited(), 429, "rate_limit_error", "rate_limit_exceeded"),
        (errors.InsufficientQuota(), 429, "insufficient_quota", "insufficient_quota"),
        (errors.ContextLength(), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.ContentFilter(), 400, "invalid_request_error", "content_filter"),
        (errors.Overloaded(), 503, "server_error", "overloaded"),
        (errors.UpstreamTimeout(), 504, "server_error", "upstream_timeout"),
        (QAError(), 500, "server_error", "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, QAError) else "",
)
def test_an_error_that_openai_has_too_is_told_as_openai_tells_it(
    error: QAError, status: int, kind: str, code: str
) -> None:
    failed = build_failure(error, "en")
    told = build_openai_error(failed).error
    assert (openai_status(failed), told.type, told.code) == (status, kind, code)


def test_an_answer_that_was_stopped_is_not_asked_for_again() -> None:
    stopped = build_stopped_failure("ko")
    assert (stopped.code, stopped.retryable, openai_status(stopped)) == ("cancelled", False, 409)
    assert stopped.user_message == "답변을 중단했어요."
