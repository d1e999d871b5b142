"""These tests show whether a request's sender is still there, asked without waiting, writing or taking a byte."""

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Request

from qa_service.errors import BodyTimeout
from qa_service.web.bodies import BodyBounds, RequestBody, hung_up
from qa_service.web.reception import open_reception
from tests.live.processes import program, until

Pair = tuple[socket.socket, socket.socket]
RESET = struct.pack("ii", 1, 0)


def request_on(connection: socket.socket, **environ: Any) -> Request:
    return Request({"gunicorn.socket": connection, **environ})


@pytest.fixture(params=["tcp", "unix"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Give the server's end and the caller's."""
    if request.param == "unix":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


class TestPlain:
    def test_a_caller_who_waits_is_there(self, pair: Pair) -> None:
        assert not hung_up(request_on(pair[0]))()

    def test_a_caller_who_has_sent_more_is_there_and_nothing_is_taken(self, pair: Pair) -> None:
        ours, theirs = pair
        theirs.send(b"GET")
        assert not hung_up(request_on(ours))()
        assert ours.recv(10) == b"GET"

    def test_a_caller_who_has_closed_is_gone(self, pair: Pair) -> None:
        ours, theirs = pair
        gone = hung_up(request_on(ours))
        theirs.close()
        until(gone, 2, "it is noticed")

    def test_a_server_without_a_socket_of_its_own_can_not_tell(self) -> None:
        assert not hung_up(Request({}))()

    @pytest.mark.parametrize("pair", ["tcp"], indirect=True)
    def test_a_caller_who_has_sent_more_and_closed_is_gone(self, pair: Pair) -> None:
        ours, theirs = pair
        theirs.send(b"GET")
        theirs.close()
        until(hung_up(request_on(ours)), 2, "it is noticed")

    @pytest.mark.parametrize("pair", ["tcp"], indirect=True)
    def test_a_caller_who_was_cut_off_is_gone(self, pair: Pair) -> None:
        ours, theirs = pair
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        theirs.close()
        until(hung_up(request_on(ours)), 2, "it is noticed")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS for the server's end and for the caller's."""
    key, certificate = (tmp_path_factory.mktemp("tls") / name for name in ("key.pem", "certificate.pem"))
    command = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(
        [program("openssl"), *command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=Path(certificate))


@pytest.fixture
def tls(pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    ours, theirs = pair
    ends: list[ssl.SSLSocket] = []
    serving = threading.Thread(target=lambda: ends.append(contexts[0].wrap_socket(ours, server_side=True)))
    serving.start()
    with contexts[1].wrap_socket(theirs, server_hostname="localhost") as caller:
        serving.join()
        with ends[0]:
            yield ends[0], caller


class TestTls:
    def test_a_caller_who_waits_is_there(self, tls: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
        assert not hung_up(request_on(tls[0]))()

    @pytest.mark.parametrize("pair", ["tcp"], indirect=True)
    def test_a_caller_who_has_said_farewell_and_closed_is_gone(self, tls: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
        ours, theirs = tls
        theirs.settimeout(0.01)
        with pytest.raises(TimeoutError):
            theirs.unwrap()  # it has sent its farewell, and waits for ours
        theirs.close()
        until(hung_up(request_on(ours)), 2, "it is noticed")

    def test_a_late_body_is_refused_encrypted(self, tls: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
        ours, theirs = tls
        bounds = BodyBounds(1000, 60, open_reception(10, 1000))
        body = RequestBody(request_on(ours, **{"wsgi.input": ours, "CONTENT_LENGTH": "10"}), bounds)
        body.interrupt(BodyTimeout())
        ours.sendall(b"HTTP/1.1 408 ")
        assert theirs.recv(100) == b"HTTP/1.1 408 "
