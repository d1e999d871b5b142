"""One connection as a transport: what the SDK does over it, and what it does by itself."""

import socket
import threading

import httpx2
import openai
import pytest

from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.upstream.line import Line, Patience
from qa_service.upstream.responses import openai_client
from qa_service.upstream.way import way_to
from tests.scripted_upstream import KOREAN, Script


@pytest.fixture
def line(server):
    made = Line(way_to(httpx2.URL(server.url)), Patience(5, 5, 5))
    yield made
    made.hang_up()


def over(line: Line, server) -> openai.OpenAI:
    client = openai_client(api_key="sk-secret", base_url=server.url)
    return client.with_options(http_client=httpx2.Client(transport=line))


def test_the_sdk_streams_over_it(server, line):
    with over(line, server).responses.create(model="m", input="?", stream=True) as events:
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == KOREAN


def test_the_sdk_maps_errors_over_it(server, line):
    server.script(Script(status=429, error={"code": "rate_limit_exceeded"}))
    with pytest.raises(openai.RateLimitError):
        over(line, server).responses.create(model="m", input="?")


def test_nothing_is_read_before_a_request(line):
    assert line.read() == b""
    assert not line.kept()


def test_a_connection_that_was_kept_too_long_is_not_used(server, line, monkeypatch):
    request = httpx2.Request("GET", f"{server.url.removesuffix('/v1')}/closed")
    assert line.handle_request(request).read() == b"[]"
    line.finish()
    monkeypatch.setattr("qa_service.upstream.line._KEPT_SECONDS", 0)
    assert line.handle_request(request).read() == b"[]"
    assert server.connections == 2


def test_a_line_that_was_shut_asks_nothing(server, line):
    line.shut()
    with pytest.raises(UpstreamUnavailable):
        line.handle_request(httpx2.Request("GET", server.url))
    assert server.connections == 0


def test_a_name_server_that_is_silent_is_not_waited_for_longer_than_a_connection(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10))
    with pytest.raises(UpstreamTimeout, match="no connection"):
        Line(way_to(httpx2.URL("http://upstream.test")), Patience(0.1, 5, 5)).send(b"")
    answered.set()


def test_a_name_is_looked_up_once_for_all_who_come_together(server, monkeypatch):
    found, asked = socket.getaddrinfo, []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **of: asked.append(name) or found(*name, **of))
    way = way_to(httpx2.URL(server.url))
    for _ in range(3):
        way.dial(5, lambda _: None).close()
    assert len(asked) == 1


def test_a_name_that_is_none_is_no_connection():
    with pytest.raises(UpstreamUnavailable):
        Line(way_to(httpx2.URL("http://upstream.invalid")), Patience(5, 5, 5)).send(b"")
