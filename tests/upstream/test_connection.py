"""One connection to upstream: what is sent over it, when it is used again, and how each wait on it ends."""

import math
import socket
import threading
import time

import httpx2
import pytest

from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.upstream.addresses import HostAddresses
from qa_service.upstream.connection import Patience, UpstreamConnection
from qa_service.upstream.requests import request_bytes
from qa_service.upstream.way import way_to
from tests.scripted_upstream import Script


def connected(server, **patience: float) -> UpstreamConnection:
    return UpstreamConnection(way_to(httpx2.URL(server.url)), Patience(**patience))


@pytest.fixture
def connection(server):
    made = connected(server)
    yield made
    made.close_socket()


@pytest.fixture
def request_of_a_list(server) -> bytes:
    """Return a request that is answered by an empty list."""
    return request_bytes(httpx2.Request("GET", f"{server.url.removesuffix('/v1')}/closed"))


def test_a_reply_is_read_as_it_comes(server, connection, request_of_a_list):
    reply = connection.send_request(request_of_a_list)
    assert (reply.status, connection.read_body(), connection.read_body()) == (200, b"[]", b"")


def test_a_reply_has_the_shape_that_the_sdks_errors_want(connection, request_of_a_list):
    connection.send_request(request_of_a_list)
    response = connection.http_response(httpx2.Request("GET", "https://upstream"))
    assert (response.status_code, response.headers["content-length"], response.read()) == (200, "2", b"[]")


class TestTurns:
    """A reader under gevent holds up others for as long as it doesn't wait."""

    @pytest.fixture
    def turns(self, monkeypatch) -> list[float]:
        found: list[float] = []
        monkeypatch.setattr("qa_service.upstream.connection.give_way", lambda: found.append(time.monotonic()))
        return found

    def read_pieces(self, server, connection, script: Script, seconds: float) -> int:
        """Return how many pieces came, each of which took its reader this many seconds."""
        server.script(script)
        connection.send_request(request_bytes(httpx2.Request("POST", f"{server.url}/responses", json={})))
        pieces = 0
        while connection.read_body():
            pieces += 1
            time.sleep(seconds)
        return pieces

    def test_are_left_to_others_while_upstream_sends_faster_than_it_is_read(self, server, connection, turns):
        pieces = self.read_pieces(server, connection, Script(deltas=2000), 0.006)
        assert pieces > 10
        assert len(turns) >= pieces - 1

    def test_of_others_are_no_silence_of_upstreams(self, server, connection, monkeypatch):
        due: list[float] = []
        monkeypatch.setattr("qa_service.upstream.connection.give_way", lambda: due.append(connection.due))
        server.script(Script(deltas=2000))
        connection.send_request(request_bytes(httpx2.Request("POST", f"{server.url}/responses", json={})))
        connection.note_work()
        while connection.read_body():
            time.sleep(0.006)
        assert due
        assert set(due) == {math.inf}

    def test_need_not_be_left_to_others_by_who_waits(self, server, connection, turns):
        pieces = self.read_pieces(server, connection, Script(deltas=20, rate=100), 0.001)
        assert pieces > 10
        assert len(turns) < pieces / 4  # where the machine stops this reader, what comes next has come already

    def test_need_not_be_left_to_others_after_a_pause_between_two_requests(self, server, connection, turns):
        for _ in range(2):
            self.read_pieces(server, connection, Script(deltas=1), 0.0)
            connection.read_to_end()
            time.sleep(0.02)
        assert turns == []


def test_nothing_is_read_before_a_request(connection):
    assert connection.read_body() == b""
    assert not connection.is_reusable()


@pytest.mark.parametrize(("reuse", "connections"), [(60, 1), (0, 2)])
def test_it_is_used_again_unless_that_was_too_long_ago(server, request_of_a_list, reuse, connections):
    connection = connected(server, reuse=reuse)
    for _ in range(2):
        connection.send_request(request_of_a_list)
        connection.read_to_end()
        assert connection.is_reusable()
    connection.close_socket()
    assert server.connections == connections


def test_once_it_was_aborted_nothing_is_asked(server, connection, request_of_a_list):
    connection.abort()
    with pytest.raises(UpstreamUnavailable):
        connection.send_request(request_of_a_list)
    assert server.connections == 0


def test_a_name_server_that_is_silent_is_not_waited_for_longer_than_a_connection(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10))
    way = way_to(httpx2.URL("http://upstream.test"))
    with pytest.raises(UpstreamTimeout, match="no connection"):
        UpstreamConnection(way, Patience(connect=0.05)).send_request(b"")
    answered.set()


@pytest.mark.parametrize(("fresh", "look_ups"), [(60, 1), (0, 3)])
def test_a_name_is_looked_up_once_for_all_who_come_together(monkeypatch, fresh, look_ups):
    found, asked = socket.getaddrinfo, []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **of: asked.append(name) or found(*name, **of))
    name = HostAddresses("127.0.0.1", 80, fresh=fresh)
    addresses = [name.look_up_addresses(5)[0][4] for _ in range(3)]
    assert addresses == [("127.0.0.1", 80)] * 3
    assert len(asked) == look_ups


def test_a_name_that_is_none_is_no_connection():
    with pytest.raises(UpstreamUnavailable):
        UpstreamConnection(way_to(httpx2.URL("http://upstream.invalid")), Patience()).send_request(b"")
