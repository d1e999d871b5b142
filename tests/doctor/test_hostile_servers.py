"""These tests show what an examination says of servers that send what nobody expects: it ends, with findings and
without a traceback."""

import gzip
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import pytest

from qa_service.doctor.examination import ExaminationPlan
from qa_service.doctor.findings import make_finding
from qa_service.doctor.report import write_finding, write_json
from qa_service.doctor.route import READ_WHOLE, read_route
from tests.doctor.examinations import codes, examine
from tests.lateness import Lateness

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
HEALTH = OK + b'Content-Type: application/json\r\n\r\n{"status": "ok"}'
STREAM = OK + b"Content-Type: text/event-stream\r\n\r\n"
OPENING = b'data: {"type": "probe", "content": {"bodyBytes": 1000, "heartbeatMs": 400}}\n\n'
DONE = b'data: {"type": "done", "content": {"status": "completed"}}\n\n'
DEEP = b'{"a":' * 100_000
FIRST_REPLIES: Mapping[str, tuple[bytes, str]] = {
    "a place that is no address": (
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1/\r\n\r\n",
        "redirected",
    ),
    "a file as its place": (
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: file:///etc/passwd\r\n\r\n",
        "redirected",
    ),
    "JSON of any depth": (OK + b"\r\n" + DEEP, "not_here"),
    "a compressed gigabyte": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(16 << 20)) * 64,
        "not_here",
    ),
    "an endless header": (OK + b"X: " + bytes(1 << 20), "not_http"),
}
PLAN = ExaminationPlan(quiet=0.2, body=1000, ticking=0.2, early=0.1)
TICKS = [b'"x"', b"null", b"[]", b"-1", b"1e300", b"9" * 400]


@contextmanager
def hostile_server(health: bytes, stream: bytes = b"", *, forever: bytes = b"") -> Iterator[str]:
    """Give the address of a server that sends these bytes, and then others for as long as somebody takes them."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = self.request.recv(65536)
            with suppress(OSError):
                self.request.sendall(health if b"/healthz" in asked else stream)
                while forever and b"/healthz" not in asked:
                    self.request.sendall(forever)
                    time.sleep(0.01 if len(forever) == 1 else 0)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()


@pytest.mark.parametrize("name", FIRST_REPLIES)
def test_first_reply_may_be_anything(name: str) -> None:
    reply, code = FIRST_REPLIES[name]
    with hostile_server(reply) as url:
        (finding,) = examine(url, PLAN)
    assert finding.code == code


@pytest.mark.parametrize("sent", TICKS)
def test_tick_may_say_anything(sent: bytes) -> None:
    tick = b'data: {"type": "tick", "content": {"sentMs": %b}}\n\n' % sent
    with hostile_server(HEALTH, STREAM + OPENING + tick + DONE) as url:
        assert {"reached", "streamed"} <= set(codes(examine(url, PLAN)))


@pytest.mark.parametrize("forever", [b'data: {"type": "tick"}\n\n' * 1000, bytes(1 << 16)])
def test_stream_without_an_end_is_left(forever: bytes) -> None:
    with hostile_server(HEALTH, STREAM + OPENING, forever=forever) as url:
        assert "stream_cut" in codes(examine(url, PLAN))


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nX: ", OK + b"\r\n"])
def test_reply_that_only_trickles_is_left_when_its_time_is_over(begun: bytes) -> None:
    with hostile_server(HEALTH, begun, forever=b"a") as url:
        began, late = time.monotonic(), Lateness()
        assert read_route(url).announce_body("/probe", 10, 0.2) is None
    assert time.monotonic() - began < 2 + late.seconds


def test_compressed_stream_is_made_no_longer_than_it_is_read() -> None:
    with hostile_server(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(16 << 20))) as url:
        with read_route(url).open_reply("/healthz") as reply:
            assert all(len(text) <= READ_WHOLE for _, text in reply.iterate_pieces())
        assert reply.is_cut


def test_what_a_server_says_looks_like_no_other_finding_and_commands_no_terminal() -> None:
    said = "no\n ok    The service answers\x1b[2J\x9b31m\u202e" + "a " * 10_000
    finding = make_finding("refused", path="/api/probe", status=400, detail=said)
    for written in (write_finding(finding, "en"), write_json("http://127.0.0.1", [finding], "en")):
        assert not {"\x1b", "\x9b", "\u202e"} & set(written)
    assert "\n ok" not in write_finding(finding, "en")
    assert len(write_finding(finding, "en")) < 1_100
