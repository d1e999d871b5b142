"""This module has a reverse proxy in this process that does to requests and responses what proxies do that are
configured wrongly."""

import gzip
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct

LOGIN = b"<!doctype html><title>Log in</title>"
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "server", "date")


class Faults(Struct, frozen=True, kw_only=True):
    """A `Faults` says what the proxy does wrongly."""

    holds_up: bool = False
    compresses: bool = False
    drops: tuple[str, ...] = ()
    """It doesn't pass on these headers of requests."""
    hides: tuple[str, ...] = ()
    """It doesn't pass back these headers of responses."""
    adds: tuple[tuple[str, str], ...] = ()
    """It adds these headers to requests."""
    replaces: tuple[int, ...] = ()
    """It sends a page of its own in place of responses with these statuses."""
    page: int = 0
    """It answers everything with a page in HTML of this status."""
    location: str = ""
    """It redirects everything to this place."""
    most: int = 0
    """It refuses bodies that are announced to be larger."""
    refuses: int = 0
    """It refuses bodies that are larger, after it has read them."""
    empties: bool = False
    """It passes on no body."""
    drops_bodies: bool = False
    """It ends the connection when a body comes."""
    hangs_up: int = 0
    """It ends the connection when a body is announced to be larger."""
    cuts: float = 0.0
    """It ends each response after this many seconds."""
    swallows: bool = False
    """It doesn't pass back heartbeats."""
    old: bool = False
    """It speaks HTTP/1.0 to the service."""
    retypes: str = ""
    """It passes all responses back as this media type."""


class Backend(http.client.HTTPConnection):
    """A `Backend` is a connection to the service."""


class OldBackend(Backend):
    """An `OldBackend` is a connection to the service in HTTP/1.0."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class FaultyHandler(BaseHTTPRequestHandler):
    """A `FaultyHandler` is one connection of the proxy."""

    protocol_version = "HTTP/1.1"
    server: "FaultyRoute"

    def do_GET(self) -> None:
        faults = self.server.faults
        if faults.location:
            self._answer(302, b"", [("Location", faults.location)])
        elif faults.page:
            self._answer(faults.page, LOGIN, [("Content-Type", "text/html")])
        else:
            self._forward(b"")

    def do_POST(self) -> None:
        faults, length = self.server.faults, int(self.headers["Content-Length"])
        self.close_connection = True
        if faults.most and length > faults.most:
            self._answer(413, b"<h1>413 Request Entity Too Large</h1>", [("Content-Type", "text/html")])
            return
        if faults.hangs_up and length > faults.hangs_up:
            return
        body = self.rfile.read(length)
        if faults.refuses and len(body) > faults.refuses:
            self._answer(413, b"", [])
        elif len(body) == length and not faults.drops_bodies:
            self._forward(b"" if faults.empties else body)

    def _forward(self, body: bytes) -> None:
        faults = self.server.faults
        kind = OldBackend if faults.old else Backend
        with closing(kind("127.0.0.1", self.server.backend, timeout=30)) as connection:
            left_out = {name.lower() for name in (*faults.drops, "accept-encoding", "content-length", "connection")}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
            connection.request(self.command, self.path, body, {**headers, **dict(faults.adds)})
            self._pass_back(connection.getresponse())

    def _pass_back(self, response: http.client.HTTPResponse) -> None:
        faults = self.server.faults
        if response.status in faults.replaces:
            self._answer(response.status, b"<h1>Sorry</h1>", [("Content-Type", "text/html")])
            return
        self.send_response(response.status)
        hidden = {*HOP_BY_HOP, *map(str.lower, faults.hides), *(["content-type"] if faults.retypes else [])}
        for name, value in response.getheaders():
            if name.lower() not in hidden:
                self.send_header(name, value)
        if faults.retypes:
            self.send_header("Content-Type", faults.retypes)
        self._send_body(response)

    def _send_body(self, response: http.client.HTTPResponse) -> None:
        faults, until = self.server.faults, time.monotonic() + (self.server.faults.cuts or 3600)
        pieces: Iterator[bytes] = iter(lambda: response.read1(65536), b"")
        if faults.swallows:
            pieces = (piece for piece in pieces if b'"heartbeat"' not in piece)
        if faults.holds_up or faults.compresses:
            pieces = iter([b"".join(pieces)])
        if faults.compresses:
            self.send_header("Content-Encoding", "gzip")
            pieces = iter([gzip.compress(b"".join(pieces))])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if time.monotonic() > until:
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class FaultyRoute(ThreadingHTTPServer):
    """A `FaultyRoute` is a proxy with faults, in front of a service that listens on port `backend`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, backend: int, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), FaultyHandler)
        self.backend = backend
        self.faults = faults

    def handle_error(self, *_: Any) -> None:
        """Ignore whoever hangs up, because that is no fault."""


@contextmanager
def faulty_route(backend: int, faults: Faults) -> Iterator[int]:
    """Give the port of a proxy with faults."""
    with FaultyRoute(backend, faults) as route:
        threading.Thread(target=route.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield route.server_port
        finally:
            with suppress(OSError):
                route.shutdown()
