"""This module has a real HTTP server that plays OpenAI's Responses API and Chat Completions from scripts: answers,
recordings, faults, background mode.

python tests/scripted_upstream.py --port 8370

The script of a request is the next one queued (`ScriptedUpstream.script`, `POST /script`), else the one named by
`script:<name>` in its model or messages (`NAMED`, or a recording's name), else a short Korean answer. `GET /requests`
lists what came in, without credentials; `GET /closed` the seconds at which clients hung up before the end; `GET
/texts` the model, text and status of each response by its id. A response in the background can be followed and
cancelled as at OpenAI.
"""

import argparse
import json
import re
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

if __name__ == "__main__":  # the file was run by its path
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scripts import (
    FAULTY,
    KOREAN,
    NAMED,
    RECORDINGS,
    Response,
    Script,
    answer,
    chat_answer,
    chat_chunk,
    event,
    pieces,
    recorded,
)

__all__ = [
    "FAULTY",
    "KOREAN",
    "NAMED",
    "RECORDINGS",
    "Received",
    "Script",
    "ScriptedUpstream",
    "answer",
    "chat_answer",
    "chat_chunk",
    "event",
    "pieces",
    "recorded",
]

FOREVER = 3600.0
SOON = 8.0
"""What happens at once has happened in this many seconds on a busy machine, too. A slow answer takes longer by
itself."""
WRITE = 64 * 1024


class Received(Struct, frozen=True):
    """A `Received` is a request as it came, its credential's value left out."""

    path: str
    headers: dict[str, str]
    body: Any
    at: float
    method: str = "POST"


class Gone(Exception):
    """A `Gone` says that the client hung up."""


class ScriptedUpstream:
    """A `ScriptedUpstream` is the server, which is used in a `with`. Every request has a thread."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.closed: list[float] = []
        self.connections = 0
        self.responses: dict[str, Response] = {}
        self._scripts: dict[bool, deque[Script]] = {follow: deque() for follow in (False, True)}
        self._news = threading.Condition()
        self._open: set[socket.socket] = set()
        self._tls = tls
        self._server = _Server(self, port)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}/v1"

    def script(self, *scripts: Script) -> None:
        """Queue scripts, each for its `times` requests."""
        for script in scripts:
            self._scripts[script.follow].extend([script] * script.times)

    def wait_closed(self, timeout: float, count: int = 1) -> bool:
        """Wait until this many clients have hung up before the end. Returns False when time ran out first."""
        with self._news:
            return self._news.wait_for(lambda: len(self.closed) >= count, timeout)

    def wait_requests(self, timeout: float, count: int = 1) -> bool:
        """Wait until this many requests have come in."""
        with self._news:
            return self._news.wait_for(lambda: len(self.requests) >= count, timeout)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no connection is open."""
        with self._news:
            return self._news.wait_for(lambda: not self._open, timeout)

    def serve_forever(self) -> None:
        self._server.serve_forever(poll_interval=0.005)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self.hang_up()
        self._server.server_close()

    def hang_up(self) -> None:
        """Close every connection, as a server does with those that idle."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def chosen(self, body: Any) -> Script:
        """Return the script for this question. The docstring of this file says which one that is."""
        with suppress(IndexError):
            return self._scripts[False].popleft()
        named = re.search(r"script:([\w-]+)", json.dumps(body, ensure_ascii=False))
        if not named:
            return Script()
        return NAMED.get(named[1]) or Script(recording=named[1])

    def following(self) -> Script:
        """Return the script for a connection that follows a response."""
        with suppress(IndexError):
            return self._scripts[True].popleft()
        return Script()

    def respond(self, script: Script, body: Mapping[str, Any], *, chat: bool = False) -> Response:
        """Begin to generate."""
        response = Response(script, body.get("model", ""), background=bool(body.get("background")), chat=chat)
        self.responses[response.id] = response
        return response

    def texts(self) -> dict[str, dict[str, str]]:
        """Return what became of each response."""
        return {
            response.id: {"text": response.text(), "status": response.status, "model": response.model}
            for response in list(self.responses.values())
        }

    def note(self, request: Received) -> None:
        with self._news:
            self.requests.append(request)
            self._news.notify_all()

    def note_gone(self) -> None:
        with self._news:
            self.closed.append(time.monotonic())
            self._news.notify_all()

    def accept(self, connection: socket.socket) -> socket.socket:
        """Accept a connection, which this server knows from now on."""
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._news:
            self.connections += 1
            self._open.add(connection)
        return connection

    def note_end(self, connection: socket.socket) -> None:
        with self._news:
            self._open.discard(connection)
            self._news.notify_all()


class _Server(ThreadingHTTPServer):
    request_queue_size = 4096
    block_on_close = True

    def __init__(self, upstream: ScriptedUpstream, port: int) -> None:
        self.upstream = upstream
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        return self.upstream.accept(connection), address

    def close_request(self, request: Any) -> None:
        super().close_request(request)
        self.upstream.note_end(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that is gone. It is in `closed`."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def setup(self) -> None:
        super().setup()
        self._heard = select.poll()
        self._heard.register(self.connection, select.POLLIN)

    def do_GET(self) -> None:
        upstream = self.server.upstream
        match self.path:
            case "/requests":
                self._send_json(200, [msgspec.to_builtins(request) for request in upstream.requests])
            case "/closed":
                self._send_json(200, upstream.closed)
            case "/texts":
                self._send_json(200, upstream.texts())
            case _:
                self._note(None)
                self._watched(self._follow)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        if self.path == "/script":
            scripts = body if isinstance(body, list) else [body]
            self.server.upstream.script(*msgspec.convert(scripts, list[Script]))
            self._send_json(200, {"queued": len(scripts)})
            return
        self._note(body)
        if self.path.endswith("/cancel"):
            self._watched(self._cancel)
        else:
            self._watched(lambda: self._play(self.server.upstream.chosen(body), body))

    def _note(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        for credential in headers.keys() & {"authorization", "api-key"}:
            headers[credential] = "…"
        self.server.upstream.note(Received(self.path, headers, body, time.monotonic(), self.command))

    def _watched(self, answering: Callable[[], None]) -> None:
        try:
            answering()
        except (Gone, ConnectionError):
            self.close_connection = True
            self.server.upstream.note_gone()

    def _play(self, script: Script, body: Mapping[str, Any]) -> None:
        if self._begin(script):
            chat = urlsplit(self.path).path.endswith("/chat/completions")
            self._stream(script, self.server.upstream.respond(script, body, chat=chat), 0)

    def _follow(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        response, script = self._found(), self.server.upstream.following()
        if response is None and script.status == 200:
            self._send_json(404, {"error": {"message": "no such response", "code": None}})
        elif response and "stream" not in asked:
            self._send_json(200, {"id": response.id, "status": response.status})
        elif self._begin(script) and response:
            self._stream(script, response, int(asked.get("starting_after", ["-1"])[0]) + 1)

    def _cancel(self) -> None:
        response, script = self._found(), self.server.upstream.following()
        self._pause(FOREVER if script.fault == "mute" else script.delay)
        if response is None:
            self._send_json(404, {"error": {"message": "no such response", "code": None}})
            return
        response.stop()
        self._send_json(200, {"id": response.id, "status": response.status})

    def _found(self) -> Response | None:
        named = re.match(r"/v1/responses/(\w+)", self.path)
        response = self.server.upstream.responses.get(named[1]) if named else None
        return response if response and response.background else None

    def _begin(self, script: Script) -> bool:
        """Send the headers of a stream, or the error that comes instead."""
        self._pause(FOREVER if script.fault == "mute" else script.delay)
        if script.status != 200 or script.error:
            error = {"message": "scripted: sk-secret https://secret.example", "param": None, **script.error}
            self._send_json(script.status, {"error": error}, script.headers)
            return False
        self.send_response(200)
        self._send_headers({"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **script.headers})
        return True

    def _stream(self, script: Script, response: Response, position: int) -> None:
        """Send the events from there on. A response that isn't in the background ends with its connection."""
        self._position = position
        try:
            self._send_events(script, response)
            self._break(script)
        finally:
            if not response.background:
                response.stop(self._position)

    def _send_events(self, script: Script, response: Response) -> None:
        written, sent = bytearray(), 0
        while True:
            ended, generated = response.ended, response.generated()
            for chunk in _cut(response.events[self._position : generated], script.chunk):
                if script.fault and sent >= script.after:
                    self._write(written)
                    return
                written += b"%x\r\n%b\r\n" % (len(chunk), chunk)
                sent += 1
                self._position += not script.chunk
                if len(written) > WRITE:
                    self._write(written)
            self._write(written)
            self._position = max(self._position, generated)
            if ended:
                return
            self._pause(response.until(generated))

    def _break(self, script: Script) -> None:
        match script.fault:
            case "" | "end":
                self._write(bytearray(b"0\r\n\r\n"))
            case "hang":
                self._pause(FOREVER)
            case "drip":
                while True:
                    self._write(bytearray(b"3\r\n:\n\n\r\n"))
                    self._pause(0.05)
            case "garbage":
                self._write(bytearray(b"10\r\ndata: {garbage\n\n\r\n"))
                self._write(bytearray(b"0\r\n\r\n"))
            case "cut":
                self.close_connection = True
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

    def _write(self, written: bytearray) -> None:
        self.wfile.write(bytes(written))
        written.clear()

    def _pause(self, seconds: float) -> None:
        """Wait, watching whether the client is still there."""
        if not seconds:
            return
        if self._heard.poll(seconds * 1000):
            raise Gone

    def _send_json(self, status: int, body: object, headers: Mapping[str, str] = {}) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self._send_headers({"Content-Type": "application/json", "Content-Length": str(len(content)), **headers})
        self.wfile.write(content)

    def _send_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _cut(events: Sequence[bytes], size: int) -> Iterable[bytes]:
    if not size:
        return events
    whole = b"".join(events)
    return (whole[start : start + size] for start in range(0, len(whole), size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8370)
    upstream = ScriptedUpstream(parser.parse_args().port)
    print(upstream.url, flush=True)
    with suppress(KeyboardInterrupt):
        upstream.serve_forever()


if __name__ == "__main__":
    main()
