"""A server that speaks TLS itself: hang-ups are noticed, and no refusal leaves it unencrypted."""

import contextlib
import http.client
import json
import resource
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

from tests.live.processes import BIN, ROOT, START_SECONDS, free_port, program, running, until
from tests.scripted_upstream import SOON, Script, ScriptedUpstream

BODY_SECONDS = 0.5
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, list[str]]:
    """Return a client's context that trusts the server, and the options that make it speak TLS."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [program("openssl"), *command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    return ssl.create_default_context(cafile=certificate), ["--certfile", str(certificate), "--keyfile", str(key)]


@pytest.fixture(scope="module")
def port(
    upstream: ScriptedUpstream, trusting: tuple[ssl.SSLContext, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    settings = {
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "QA_DATA": str(folder / "data"),
        "QA_ALLOW_ANONYMOUS": "on",
        "QA_BODY_SECONDS": str(BODY_SECONDS),
        "QA_SEND_SECONDS": "1",
        "QA_MAX_ANSWERS": "10",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": upstream.url,
    }
    command = [str(BIN / "gunicorn"), "-c", str(ROOT / "gunicorn.conf.py"), "--chdir", str(ROOT), *trusting[1]]
    with running([*command, "wsgi:app"], cwd=folder, log=folder / "log", env=settings):
        until(lambda: answers(port, trusting[0]), START_SECONDS, "the server answers")
        yield port


def answers(port: int, context: ssl.SSLContext) -> bool:
    with contextlib.suppress(OSError), connected(port, context) as caller:
        return status_of(caller, "GET /api/healthz")[0] == 200
    return False


@contextmanager
def connected(port: int, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
    ):
        yield encrypted


def status_of(caller: ssl.SSLSocket, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    caller.sendall("\r\n".join((f"{line} HTTP/1.1", "Host: localhost", *headers, "", "")).encode() + body)
    response = http.client.HTTPResponse(caller)
    response.begin()
    return response.status, response.read()


@pytest.mark.parametrize("farewell", [True, False], ids=["with a farewell", "without one"])
def test_a_reader_who_hangs_up_is_noticed(
    port: int, trusting: tuple[ssl.SSLContext, list[str]], upstream: ScriptedUpstream, farewell: bool
) -> None:
    upstream.requests.clear()
    upstream.closed.clear()
    upstream.script(Script(fault="hang", after=1))
    body = urlencode({"question": "환불은 며칠 안에 되나요?", "onHangup": "cancel"}).encode()
    with connected(port, trusting[0]) as caller:
        head = f"POST /api/ask HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        caller.sendall(head.encode() + body)
        assert caller.recv(12) == b"HTTP/1.1 200"
        assert upstream.wait_requests(SOON)
        if farewell:
            with contextlib.suppress(OSError):
                caller.settimeout(0.01)
                caller.unwrap()
    assert upstream.wait_closed(SOON)


def test_a_body_that_stalls_is_refused_encrypted(port: int, trusting: tuple[ssl.SSLContext, list[str]]) -> None:
    with connected(port, trusting[0]) as caller:
        status, said = status_of(caller, "POST /api/ask", FORM, "Content-Length: 100", body=b"question=")
        assert (status, json.loads(said)["code"]) == (408, "body_timeout")


def test_a_refusal_reaches_a_caller_who_still_sends(port: int, trusting: tuple[ssl.SSLContext, list[str]]) -> None:
    with connected(port, trusting[0]) as caller:
        length = "Content-Length: 60000000"
        status, said = status_of(caller, "POST /nowhere", FORM, length, body=b"x" * 300_000)
        assert (status, json.loads(said)["code"]) == (404, "not_found")


def test_a_connection_is_used_again(port: int, trusting: tuple[ssl.SSLContext, list[str]]) -> None:
    with connected(port, trusting[0]) as caller:
        assert [status_of(caller, "GET /api/healthz")[0] for _ in range(3)] == [200] * 3


def test_others_are_answered_while_many_connect_and_say_nothing(
    port: int, trusting: tuple[ssl.SSLContext, list[str]]
) -> None:
    """They are more than a worker accepts, and make room for those who speak."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        began = time.monotonic()
        assert answers(port, trusting[0])
        assert time.monotonic() - began < 5
