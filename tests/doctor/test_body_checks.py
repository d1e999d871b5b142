"""A body is announced again where the service is busy, and not where a proxy has a limit."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qa_service.doctor.body_checks import check_body
from qa_service.doctor.route import read_route
from tests.doctor.examinations import codes

MOST, SENT = 1 << 20, 1000


@contextmanager
def refusing(status: int, times: int) -> Iterator[str]:
    """Give a route that refuses large bodies this many times, with a page of its own, and then waits for them."""
    left = [None] * times

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            if size > SENT and left:
                left.pop()
                self.answer(status, "text/html", b"<p>Sorry</p>")
            elif received := len(self.rfile.read(size)):
                self.answer(200, "application/json", json.dumps({"receivedBytes": received}).encode())

        def answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "times", "found"),
    [(503, 1, "body_arrived"), (429, 1, "body_arrived"), (503, 20, "body_limit"), (413, 1, "body_limit")],
)
def test_what_passes_by_itself_is_no_limit(status: int, times: int, found: str) -> None:
    with refusing(status, times) as url:
        assert codes(list(check_body(read_route(url), MOST, SENT, early=0.2))) == [found]
