"""The access log's lines, whatever format an operator has set."""

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from qa_service.server.access import AccessLogger, mask_ids

ANSWER = "da687074079f28c8bcafb6555bc0ded0"
SESSION = "668449f146c793108a2e23973d300fa9"
ALL_OF_THE_ADDRESS = '"%(r)s" %(U)s %(q)s %(f)s %({raw_uri}e)s %({query_string}e)s'


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/api/answers/{ANSWER}/stream", "/api/answers/*/stream"),
        (f"/api/chat/{SESSION}/stream", "/api/chat/*/stream"),
        ("/api/chat", "/api/chat"),
        (f"/api/v1/responses/{ANSWER}/cancel", "/api/v1/responses/*/cancel"),
        (f"/help/api/sessions/{SESSION}", "/help/api/sessions/*"),
        (f"/api/sessions/{SESSION}/files/{ANSWER}/pages/2", "/api/sessions/*/files/*/pages/2"),
        (f"/api/Sessions//{SESSION}/reset", "/api/Sessions//*/reset"),
        ("/api/sessions", "/api/sessions"),
        ("/api/sessions/", "/api/sessions/"),
        ("/static/answers.js", "/static/answers.js"),
        ("/api/ask\n127.0.0.1 GET /", "/api/ask%0A127.0.0.1%20GET%20/"),
        ("/api/ask?question=비밀&token=t/x".encode().decode("latin-1"), "/api/ask"),
        ("/api/ask&question=secret", "/api/ask"),
        ("/api/ask;question=secret", "/api/ask"),
        ("/api/ask/secret", "/api/ask/*"),
        ("/api/ask/", "/api/ask/"),
        (f"/api/sessions/{SESSION}?question=a/sessions/b", "/api/sessions/*"),
        (f"/api/answers\\{ANSWER}", "/api/answers%5C*"),
        ("/질문".encode().decode("latin-1"), "/%EC%A7%88%EB%AC%B8"),
    ],
)
def test_a_path_is_shown_without_ids_and_on_one_line(path: str, shown: str) -> None:
    assert mask_ids(path) == shown


def test_no_format_shows_an_id_a_question_or_the_page_that_a_request_came_from(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = Config()
    config.set("accesslog", "-")
    config.set("access_log_format", ALL_OF_THE_ADDRESS)
    path = f"/api/answers/{ANSWER}/stream"
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "RAW_URI": f"{path}?token=secret",
        "QUERY_STRING": "token=secret",
        "HTTP_REFERER": f"https://site.example/{SESSION}",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    logger = AccessLogger(config)
    logger.access_log.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, "gunicorn.access"):
        response = SimpleNamespace(status="200 OK", headers=[], sent=7)
        logger.access(response, SimpleNamespace(headers=[]), environ, timedelta(seconds=1))
    logger.access_log.removeHandler(caplog.handler)

    masked = "/api/answers/*/stream"
    assert [record.getMessage() for record in caplog.records] == [f'"GET {masked} HTTP/1.1" {masked}  - {masked} ']


@pytest.mark.parametrize("header", ["Referer", "Authorization", "Cookie", "Last-Event-ID", "Idempotency-Key"])
def test_no_format_shows_a_header_that_holds_a_credential_an_id_or_an_address(header: str) -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/ask",
        "RAW_URI": "/api/ask",
        "SERVER_PROTOCOL": "HTTP/1.1",
        f"HTTP_{header.upper().replace('-', '_')}": "secret",
    }
    answer = SimpleNamespace(status="200 OK", headers=[("X-Answer-Id", ANSWER), ("X-Session-Id", SESSION)], sent=7)
    asked = SimpleNamespace(headers=[(header.upper(), "secret"), ("USER-AGENT", "curl")])
    atoms = AccessLogger(Config()).atoms(answer, asked, environ, timedelta(seconds=1))
    assert not [name for name, value in atoms.items() if value in ("secret", ANSWER, SESSION)]
    assert atoms["{user-agent}i"] == "curl"
