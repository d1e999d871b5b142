"""Where a model fails before any output, others are asked, in their order, and those that are down are not asked."""

import socket
from contextlib import closing, suppress

import pytest

from qa_service.deltas import Finished, Retrying
from qa_service.errors import (
    ContextLength,
    InsufficientQuota,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.scripted_upstream import FAULTY, KOREAN, NAMED, Script
from tests.upstream.questions import Asked, asked, text_from_frames

SOON = {"retry-after-ms": "10"}
FAILS = Script(status=500, headers=SOON, error={"code": None})


def models(server) -> list[str]:
    return [request.body["model"] for request in server.requests]


@pytest.fixture
def upstream(server, meter, speaking):
    """Make an upstream with two models to fall back on. One of them is the caller's own."""
    fallback = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o")
    with closing(speaking(server.url, tries=2, fallback=fallback, first_token=0.3, meter=meter)) as asking:
        yield asking


class TestFallback:
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (FAILS, "upstream_unavailable"),
            (Script(fault="hang", after=2), "upstream_timeout"),
            (Script(status=429, headers=SOON), "rate_limited"),
            (Script(failure="server_error"), "upstream_unavailable"),
        ],
    )
    def test_after_its_tries_the_next_model_is_asked(self, server, upstream, script, reason):
        server.script(script, script)
        deltas = asked(upstream)
        assert deltas[:2] == [Retrying(2, reason, "gpt-4.1-mini"), Retrying(3, reason, "gpt-4.1")]
        assert text_from_frames(deltas) == KOREAN
        assert models(server) == ["gpt-4.1-mini", "gpt-4.1-mini", "gpt-4.1"]
        assert deltas[-1].model == "gpt-4.1"

    @pytest.mark.parametrize("script", [NAMED["404"], NAMED["429"], Script(failure="model_not_found")])
    def test_where_another_try_is_no_use_the_next_model_is_asked_at_once(self, server, upstream, script):
        server.script(script)
        assert text_from_frames(asked(upstream)) == KOREAN
        assert models(server) == ["gpt-4.1-mini", "gpt-4.1"]
        assert server.requests[1].at - server.requests[0].at < 0.3

    @pytest.mark.parametrize(
        ("script", "expected"), [(NAMED["quota"], InsufficientQuota), (NAMED["400"], ContextLength)]
    )
    def test_what_every_model_would_refuse_is_asked_once(self, server, upstream, script, expected):
        server.script(script)
        with pytest.raises(expected):
            asked(upstream)
        assert len(server.requests) == 1

    def test_no_model_is_asked_twice_over_and_the_last_error_is_told(self, server, upstream, meter):
        server.script(*[FAILS] * 5, NAMED["404"])
        with pytest.raises(UnknownModel):
            asked(upstream)
        assert models(server) == ["gpt-4.1-mini"] * 2 + ["gpt-4.1"] * 2 + ["gpt-4o"] * 2
        assert meter.counts == {"upstream_errors upstream_unavailable": 5, "upstream_errors upstream_rejected": 1}

    def test_once_anything_came_no_other_model_is_asked(self, server, upstream):
        server.script(Script(fault="cut", after=7))
        with pytest.raises(UpstreamUnavailable):
            asked(upstream)
        assert len(server.requests) == 1

    def test_an_answer_without_failures_counts_none(self, upstream, meter):
        assert isinstance(asked(upstream)[-1], Finished)
        assert not meter.counts

    def test_each_model_gets_the_settings_it_takes(self, server, speaking):
        server.script(NAMED["404"])
        with closing(speaking(server.url, fallback=["o4-mini"])) as asking:
            asked(asking, temperature=0.5)
        assert ["temperature" in request.body for request in server.requests] == [True, False]


class TestCircuit:
    def test_a_model_that_is_down_is_left_alone(self, server, meter, speaking):
        server.script(*[FAILS] * 5)
        with closing(speaking(server.url, tries=1, meter=meter)) as asking:
            for _ in range(5):
                with pytest.raises(UpstreamUnavailable, match="500"):
                    asked(asking)
            with pytest.raises(UpstreamUnavailable, match="left alone") as caught:
                asked(asking)
        assert caught.value.status == 503
        assert 1 <= caught.value.retry_after <= 5
        assert len(server.requests) == meter.counts.total() == 5

    def test_the_try_that_opens_it_is_the_last(self, server, speaking):
        server.script(*[FAILS] * 6)
        with closing(speaking(server.url, tries=4)) as asking:
            for _ in range(2):
                with pytest.raises(UpstreamUnavailable, match="500"):
                    asked(asking)
        assert len(server.requests) == 5

    def test_another_model_is_asked_at_once(self, server, speaking):
        server.script(*[FAILS] * 5)
        with closing(speaking(server.url, tries=5, fallback=["gpt-4o"])) as asking:
            assert text_from_frames(asked(asking)) == KOREAN
            assert asked(asking)[0] == Retrying(2, "upstream_unavailable", "gpt-4o")
        assert models(server) == ["gpt-4.1-mini"] * 5 + ["gpt-4o"] * 2

    def test_refusals_never_open_it(self, server, speaking):
        with closing(speaking(server.url, tries=1)) as asking:
            for _ in range(6):
                with pytest.raises(UpstreamRateLimited):
                    asked(asking, "script:429")
            assert text_from_frames(asked(asking)) == KOREAN


class TestMessages:
    """No error names the key, the path or the address."""

    @pytest.mark.parametrize("name", FAULTY)
    def test_an_error_of_any_fault_names_no_secret(self, server, name, speaking):
        asking = speaking(server.url, tries=1, first_token=0.1, idle=0.1)
        with closing(asking), pytest.raises(UpstreamError) as caught:
            asked(asking, f"script:{name}")
        assert not any(word in str(caught.value) for word in ("sk-", "secret", "http", "127.0.0.1", "/v1"))

    @pytest.mark.parametrize("url", ["http://secret.invalid/v1", "http://127.0.0.1:1/v1"])
    def test_an_error_without_an_upstream_names_no_secret(self, url, speaking):
        with closing(speaking(url, tries=1)) as asking, pytest.raises(UpstreamUnavailable) as caught:
            asked(asking)
        assert not any(word in str(caught.value) for word in ("sk-", "secret", "http", "127.0.0.1", "/v1"))


class TestOddServers:
    """These servers don't speak HTTP, or only nearly."""

    @pytest.fixture
    def says(self, speaking):
        """Return an upstream that answers everybody with these bytes, then hangs up."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answering(content: bytes, **settings):
                with closing(speaking(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", **settings)) as asking:
                    question = Asked(asking)
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        with suppress(OSError):  # a client that has read enough hangs up
                            connection.sendall(content)
                            connection.shutdown(socket.SHUT_WR)
                        question.join()
                return question

            yield answering

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"220 mail.example ESMTP\r\n",
            b"HTTP/1.1 200",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbusy",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: \xed\x95",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndata: {}\n\n",
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n<html>",
        ],
        ids=range(9),
    )
    def test_garbage_is_a_failure_that_may_pass(self, says, content):
        question = says(content, tries=1)
        assert type(question.error) is UpstreamUnavailable
        assert question.error.status == 502

    def test_an_early_hint_is_no_answer(self, says):
        choice = b'"choices":[{"finish_reason":"stop"}]'
        body = b'data: {"type":"response.completed","response":{"model":"m"},"model":"m",%b}\n\n' % choice
        early = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
        assert says(early + body).deltas == [Finished("stop", model="m")]

    def test_an_error_page_without_end_is_read_as_far_as_it_can_matter(self, says):
        question = says(b"HTTP/1.1 401 No\r\n\r\n" + b"x" * 200_000, tries=1)
        assert question.error.code == "upstream_rejected"

    @pytest.mark.parametrize("body", [b"[1]", b'{"error": "no"}', b"\xff", b'{"error": {"code": {"a": 1}}}'])
    def test_an_error_body_of_any_shape_is_taken(self, says, body):
        question = says(b"HTTP/1.1 422 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), tries=1)
        assert question.error.code == "upstream_rejected"


def test_a_timeout_while_the_answer_trickles_is_the_first_tokens(server, speaking):
    impatient = speaking(server.url, tries=1, first_token=0.1)
    with closing(impatient) as asking, pytest.raises(UpstreamTimeout, match="first token"):
        asked(asking, "script:drip")
