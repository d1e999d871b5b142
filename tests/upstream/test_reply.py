"""An HTTP response is read from its bytes, however they are cut, and however it ends."""

import pytest
from httptools import HttpParserError

from qa_service.upstream.reply import Reply

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\xed\x95\x9cab\r\n3\r\ncde\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nabcde"


def fed(*pieces: bytes) -> Reply:
    reply = Reply()
    for piece in pieces:
        reply.feed_bytes(piece)
    return reply


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(("content", "body"), [(CHUNKED, b"\xed\x95\x9cabcde"), (SIZED, b"abcde")])
def test_a_body_is_whole_however_its_bytes_come(content, body, size):
    reply, taken = Reply(), b""
    for start in range(0, len(content), size):
        reply.feed_bytes(content[start : start + size])
        taken += reply.take_body()
    assert taken == body
    assert (reply.status, reply.ended, reply.keeps_open) == (200, True, True)


def test_chunks_that_come_together_are_one_piece():
    assert fed(CHUNKED).take_body() == b"\xed\x95\x9cabcde"


def test_headers_are_as_they_came():
    assert fed(SIZED).headers == [(b"Content-Length", b"5")]


def test_trailers_are_no_headers():
    reply = fed(CHUNKED[:-2] + b"X-Trailer: 1\r\n\r\n")
    assert reply.ended
    assert reply.headers == [(b"Transfer-Encoding", b"chunked")]


def test_what_only_announces_an_answer_is_passed_over():
    reply = fed(b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", SIZED)
    assert (reply.status, reply.take_body()) == (200, b"abcde")
    assert reply.headers == [(b"Content-Length", b"5")]


def test_without_a_length_the_end_of_the_connection_is_the_bodys():
    reply = fed(ENDLESS, b"")
    assert (reply.take_body(), reply.ended, reply.keeps_open) == (b"abcde", True, False)


def test_the_end_of_a_connection_after_the_response_is_nothing_special():
    reply = fed(SIZED, b"")
    assert (reply.ended, reply.keeps_open) == (True, False)


@pytest.mark.parametrize("content", [b"", SIZED[:10], SIZED[:-1], CHUNKED[:-1], CHUNKED[:-10]])
def test_a_response_that_is_cut_is_an_error(content):
    with pytest.raises(ConnectionError):
        fed(*[content] if content else [], b"")


@pytest.mark.parametrize(
    "content",
    [
        b"220 mail.example ESMTP\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_not_http_is_an_error(content):
    with pytest.raises(HttpParserError):
        fed(content)


def test_an_offer_to_upgrade_is_no_upgrade():
    reply = fed(b"HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\na")
    assert (reply.take_body(), reply.keeps_open) == (b"a", True)


def test_what_came_before_the_garbage_is_given_first():
    reply = fed(CHUNKED[:-5], b"3\r\nfgh\r\ngarbage\r\n")
    assert reply.take_body() == b"\xed\x95\x9cabcdefgh"
    with pytest.raises(HttpParserError):
        reply.feed_bytes(b"0\r\n\r\n")


@pytest.mark.parametrize("content", [SIZED + SIZED, SIZED.replace(b"OK", b"OK\r\nConnection: close") + b"more"])
def test_after_more_than_one_response_nothing_else_is_asked(content):
    reply = fed(content)
    assert (reply.take_body(), reply.ended, reply.keeps_open) == (b"abcde", True, False)


def test_endless_headers_are_refused():
    with pytest.raises(HttpParserError, match="65536"):
        fed(b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 70)
