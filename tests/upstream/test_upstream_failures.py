"""These tests show what HTTP statuses and foreign exceptions become."""

import json
import socket
import time
from email.utils import formatdate

import httptools
import httpx2
import openai
import pytest
from httptools import HttpParserUpgrade

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
from qa_service.running.stop import StopSignal
from qa_service.upstream.failures import FOREIGN, map_error, map_failures, read_refusal, read_report, retry_after
from tests.scripted_upstream import Script
from tests.upstream.questions import asked

REQUEST = httpx2.Request("POST", "https://secret.example/v1/responses")


@pytest.mark.parametrize(
    ("status", "code", "expected", "ours"),
    [
        (400, "context_length_exceeded", ContextLength, 422),
        (400, "content_policy_violation", ContentFilter, 422),
        (400, "unsupported_parameter", UpstreamRejected, 502),
        (400, None, UpstreamRejected, 502),
        (401, "invalid_api_key", UpstreamRejected, 502),
        (403, None, UpstreamRejected, 502),
        (403, "model_not_found", UnknownModel, 502),
        (404, "model_not_found", UnknownModel, 502),
        (307, None, UpstreamRejected, 502),
        (408, None, UpstreamTimeout, 504),
        (409, None, UpstreamUnavailable, 502),
        (422, None, UpstreamRejected, 502),
        (429, "rate_limit_exceeded", UpstreamRateLimited, 429),
        (429, None, UpstreamRateLimited, 429),
        (429, "insufficient_quota", InsufficientQuota, 502),
        (429, "billing_not_active", InsufficientQuota, 502),
        (429, 17, UpstreamRateLimited, 429),
        (402, None, InsufficientQuota, 502),
        (413, "context_length_exceeded", ContextLength, 422),
        (500, "insufficient_quota", InsufficientQuota, 502),
        (500, "context_length_exceeded", ContextLength, 422),
        (500, "invalid_request_error", UpstreamUnavailable, 502),
        (500, None, UpstreamUnavailable, 502),
        (503, "overloaded", UpstreamUnavailable, 502),
    ],
)
def test_each_status_has_its_error(server, status, code, expected, ours, speaking):
    server.script(Script(status=status, error={"code": code}))
    with pytest.raises(UpstreamError) as caught:
        asked(speaking(server.url, tries=1))
    assert type(caught.value) is expected
    assert caught.value.status == ours


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (429, {"type": "insufficient_quota", "code": None}, InsufficientQuota),
        (429, {"type": "billing_not_active", "code": 429}, InsufficientQuota),
        (429, {"type": "invalid_request_error", "code": None}, UpstreamRateLimited),
        (400, {"type": "context_length_exceeded", "code": 400}, ContextLength),
        (403, {"type": "insufficient_user_quota"}, InsufficientQuota),
    ],
)
def test_a_type_counts_as_a_code_does(server, status, error, expected, speaking):
    server.script(Script(status=status, error=error, times=3))
    with pytest.raises(UpstreamError) as caught:
        asked(speaking(server.url, tries=1))
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "This model's maximum context length is 2048 tokens.", ContextLength),
        (400, "the request exceeds the available context size, try increasing it", ContextLength),
        (413, "Input is too large for the context window.", ContextLength),
        (404, "The model `x` does not exist.", UnknownModel),
        (404, 'model "x" not found, try pulling it first', UnknownModel),
        (400, "x is not a valid model ID", UnknownModel),
        (400, "Invalid model name passed in model=x", UnknownModel),
        (404, "Not Found", UpstreamRejected),
        (400, "The model does not support images.", UpstreamRejected),
        (429, "Too many requests for the context window of this model.", UpstreamRateLimited),
        (503, "model not found, loading", UpstreamUnavailable),
    ],
)
def test_what_a_server_tells_in_words_alone_is_understood(status, message, expected):
    for body in ({"error": {"message": message, "code": status}}, {"error": message}, {"message": message}):
        content = json.dumps(body).encode()
        cause = read_refusal(httpx2.Response(status, stream=httpx2.ByteStream(content), request=REQUEST))
        assert type(map_error(cause)) is expected


def test_a_rejection_names_its_status_and_its_code(server, speaking):
    server.script(Script(status=400, error={"type": "invalid_request_error", "code": "unsupported_parameter"}))
    with pytest.raises(UpstreamRejected, match=r"400 \(unsupported_parameter\)"):
        asked(speaking(server.url))


@pytest.mark.parametrize("error", [{"code": "billing_not_active"}, {"type": "insufficient_quota"}])
def test_what_no_waiting_heals_is_asked_once(server, upstream, error):
    server.script(Script(status=429, error=error, headers={"retry-after-ms": "10"}, times=3))
    with pytest.raises(InsufficientQuota):
        asked(upstream)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error":{"code":"x","param":"temperature"}}', {"code": "x", "param": "temperature"}),
        (b'{"object":"error","code":404}', {"object": "error", "code": 404}),
        (b'{"error":"insufficient_quota"}', "insufficient_quota"),
        (b'[{"error":{"code":429}}]', [{"error": {"code": 429}}]),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_reason_of_a_refusal_is_found_in_any_shape(body, reason):
    response = httpx2.Response(400, stream=httpx2.ByteStream(body), request=REQUEST)
    assert read_refusal(response).body == reason


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"error": {"code": 429}}, "429"),
        ([{"error": {"code": "a"}}, {"error": {"code": "b"}}], "a"),
        ({"error": {"error": ["x"]}}, "x"),
        ({"code": "flat", "message": "…"}, "flat"),
        ({"message": "…"}, None),
        (503, "503"),
        (True, "True"),
    ],
)
def test_a_report_is_found_where_upstream_puts_it(said, code):
    report = read_report(said)
    assert report is not None
    assert report.code == code


@pytest.mark.parametrize("said", [None, "", 0, False, {}, [], {"error": None}, {"detail": "Not Found"}, [[]]])
def test_what_says_nothing_is_no_report(said):
    assert read_report(said) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after-ms": "1500"}, 2),
        ({"retry-after-ms": "1"}, 1),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00"}, None),
        ({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, 24 * 3600),
        ({"Retry-After": "999999999"}, 24 * 3600),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_upstream_names_is_passed_on_in_whole_seconds(server, headers, seconds, speaking):
    for status, fallback in ((429, 20), (503, 60)):
        server.script(Script(status=status, headers=headers))
        with pytest.raises(UpstreamError) as caught:
            asked(speaking(server.url, tries=1))
        assert caught.value.retry_after == (seconds or fallback)


def test_the_wait_may_be_named_as_a_date(server, speaking):
    server.script(Script(status=429, headers={"Retry-After": formatdate(time.time() + 30, usegmt=True)}))
    with pytest.raises(UpstreamRateLimited) as caught:
        asked(speaking(server.url))
    assert 28 <= caught.value.retry_after <= 30
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_no_message_repeats_upstreams_words(server, status, speaking):
    server.script(Script(status=status, error={"code": "sk-secret https://secret.example"}))
    with pytest.raises(UpstreamError) as caught:
        asked(speaking(server.url, tries=1))
    assert "secret" not in str(caught.value)


def exceptions_of(module) -> list[type[Exception]]:
    """Return the exceptions that a module offers. Asking its lazy members for their class would load them all."""
    classes = [found for found in vars(module).values() if issubclass(type(found), type)]
    return [found for found in classes if issubclass(found, Exception) and not issubclass(found, Warning)]


@pytest.mark.parametrize("module", [openai, httpx2, httptools], ids=lambda module: module.__name__)
def test_no_exception_of_a_library_gets_past_the_border(module):
    assert exceptions_of(module)
    assert [found for found in exceptions_of(module) if not issubclass(found, (*FOREIGN, HttpParserUpgrade))] == []


@pytest.mark.parametrize("found", exceptions_of(httpx2), ids=lambda found: found.__name__)
def test_every_transport_error_has_one_of_ours(found):
    error = map_error(found.__new__(found))
    assert type(error) is (UpstreamTimeout if issubclass(found, httpx2.TimeoutException) else UpstreamUnavailable)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (openai.APITimeoutError(REQUEST), UpstreamTimeout),
        (openai.APIConnectionError(request=REQUEST), UpstreamUnavailable),
        (openai.APIError("secret", REQUEST, body={"code": "context_length_exceeded"}), ContextLength),
        (openai.OpenAIError("secret"), UpstreamUnavailable),
        (TimeoutError(), UpstreamTimeout),
        (ConnectionResetError(), UpstreamUnavailable),
        (socket.gaierror(), UpstreamUnavailable),
        (json.JSONDecodeError("secret", "", 0), UpstreamUnavailable),
        (httptools.HttpParserError("secret"), UpstreamUnavailable),
    ],
    ids=lambda value: type(value).__name__,
)
def test_foreign_errors_are_ours_inside(error, expected):
    with pytest.raises(UpstreamError) as caught, map_failures(StopSignal()):
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error
    assert "secret" not in str(caught.value)


def test_a_connection_that_never_came_about_is_a_503():
    refused = openai.APIConnectionError(request=REQUEST)
    refused.__cause__ = httpx2.ConnectError("")
    assert map_error(refused).status == 503
    assert map_error(httpx2.ConnectError("")).status == 503


def test_whatever_breaks_after_a_stop_is_the_stop():
    stop = StopSignal()
    stop.set("cancelled")
    for error in (ConnectionResetError(), UpstreamUnavailable("cut")):
        with pytest.raises(Cancelled), map_failures(stop):
            raise error


def test_bugs_of_ours_are_not_upstreams():
    with pytest.raises(KeyError), map_failures(StopSignal()):
        raise KeyError


def test_only_an_answer_names_a_wait():
    assert retry_after(UpstreamUnavailable("cut")) is None
