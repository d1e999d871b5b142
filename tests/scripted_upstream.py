"""A real HTTP server that plays OpenAI's Responses API from scripts: answers, recordings and faults.

    python tests/scripted_upstream.py --port 8370

The script of a request is the next one queued (`ScriptedUpstream.script`, `POST /script`), else the one named by
`script:<name>` in its model or messages (`NAMED`, or a recording's name), else a short Korean answer. `GET /requests`
lists what came in, without credentials; `GET /closed` the seconds at which clients hung up before the end.
"""

import argparse
import json
import re
import selectors
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from msgspec import Struct

RECORDINGS = Path(__file__).parent / "recordings"
KOREAN = "안녕하세요. 질문에 대한 답변입니다. 이 답은 시험용 서버가 만들었고, 조각마다 따로 전송됩니다. 감사합니다! 👍"
FOREVER = 3600.0
WRITE = 64 * 1024


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one request gets."""

    recording: str = ""
    text: str = KOREAN
    deltas: int = 0
    """Into how many pieces the text is cut, repeated if it is too short; 0: a piece is three characters."""
    rate: float = 0
    """Events per second; 0 is as fast as it goes."""
    chunk: int = 0
    """Bytes in one HTTP chunk; 0: each event is one."""
    delay: float = 0
    """Seconds before the headers."""
    status: int = 200
    headers: dict[str, str] = {}
    error: dict[str, Any] = {}
    """The error object of a JSON body, which is what any status but 200 gets."""
    fault: Literal["", "mute", "hang", "drip", "cut", "end", "reset", "garbage"] = ""
    """Never a header; silence; only comments; the connection closed or reset; a clean end; an event that isn't JSON."""
    after: int = 0
    """Events before the fault."""
    times: int = 1


NAMED = {
    "slow": Script(deltas=300, rate=10),
    "fast": Script(deltas=2000),
    "long": Script(deltas=3000, rate=50),
    "mute": Script(fault="mute"),
    "hang": Script(fault="hang", after=10),
    "hang-first": Script(fault="hang", after=2),
    "drip": Script(fault="drip", after=2),
    "cut": Script(fault="cut", after=10),
    "end": Script(fault="end", after=10),
    "reset": Script(fault="reset", after=10),
    "garbage": Script(fault="garbage", after=10),
    "401": Script(status=401, error={"code": "invalid_api_key", "type": "invalid_request_error"}),
    "429": Script(status=429, headers={"Retry-After": "30"}, error={"code": "rate_limit_exceeded"}),
    "quota": Script(status=429, error={"code": "insufficient_quota"}),
    "400": Script(status=400, error={"code": "context_length_exceeded", "type": "invalid_request_error"}),
    "500": Script(status=500, error={"code": None, "type": "server_error"}),
}


class Received(Struct, frozen=True):
    """A request as it came, its credential's value left out."""

    path: str
    headers: dict[str, str]
    body: Any
    at: float


class Gone(Exception):
    """The client hung up."""


def event(kind: str, **fields: Any) -> bytes:
    """One event as upstream frames it."""
    body = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {body}\n\n".encode()


def answer(pieces: Iterable[str], *, model: str = "scripted", tokens_in: int = 10) -> Iterator[bytes]:
    """The events of a plain answer, from `response.created` to `response.completed`."""
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    response = {"id": "resp_1", "object": "response", "model": model, "status": "in_progress", "usage": None}
    yield event("response.created", response=response)
    yield event("response.in_progress", response=response)
    yield event("response.output_item.added", output_index=0, item=message)
    yield event("response.content_part.added", **where, part={"type": "output_text", "text": "", "annotations": []})
    written = []
    for piece in pieces:
        written.append(piece)
        yield event("response.output_text.delta", **where, delta=piece, logprobs=[], sequence_number=len(written) + 3)
    text = "".join(written)
    part = {"type": "output_text", "text": text, "annotations": []}
    done = {**message, "status": "completed", "content": [part]}
    yield event("response.output_text.done", **where, text=text, logprobs=[])
    yield event("response.content_part.done", **where, part=part)
    yield event("response.output_item.done", output_index=0, item=done)
    usage = {"input_tokens": tokens_in, "output_tokens": len(written), "total_tokens": tokens_in + len(written)}
    yield event("response.completed", response={**response, "status": "completed", "output": [done], "usage": usage})


def recorded(name: str) -> list[bytes]:
    """The events of a recording; the last may be a piece of one."""
    content = (RECORDINGS / f"{name}.sse").read_bytes()
    return re.findall(rb"(?s:.+?)(?:\n\n|\Z)", content)


def pieces(script: Script) -> Iterator[str]:
    if not script.deltas:
        return (script.text[start : start + 3] for start in range(0, len(script.text), 3))
    words = re.findall(r"\s*\S{1,3}", script.text) or ["."]
    return (words[number % len(words)] for number in range(script.deltas))


class ScriptedUpstream:
    """The server, for use in a `with`; every request has a thread."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.closed: list[float] = []
        self.connections = 0
        self._scripts: deque[Script] = deque()
        self._news = threading.Condition()
        self._open: set[socket.socket] = set()
        self._tls = tls
        self._server = _Server(self, port)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}/v1"

    def script(self, *scripts: Script) -> None:
        """Queue scripts, each for its `times` requests."""
        self._scripts.extend(script for script in scripts for _ in range(script.times))

    def wait_closed(self, timeout: float, count: int = 1) -> bool:
        """Until so many clients have hung up before the end; False when time ran out first."""
        with self._news:
            return self._news.wait_for(lambda: len(self.closed) >= count, timeout)

    def wait_requests(self, timeout: float, count: int = 1) -> bool:
        """Until so many requests have come in."""
        with self._news:
            return self._news.wait_for(lambda: len(self.requests) >= count, timeout)

    def wait_idle(self, timeout: float) -> bool:
        """Until no connection is open."""
        with self._news:
            return self._news.wait_for(lambda: not self._open, timeout)

    def serve_forever(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

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
        """The script for this request; see the top of the file."""
        with suppress(IndexError):
            return self._scripts.popleft()
        named = re.search(r"script:([\w-]+)", json.dumps(body, ensure_ascii=False))
        if not named:
            return Script()
        return NAMED.get(named[1]) or Script(recording=named[1])

    def note(self, request: Received) -> None:
        with self._news:
            self.requests.append(request)
            self._news.notify_all()

    def note_gone(self) -> None:
        with self._news:
            self.closed.append(time.monotonic())
            self._news.notify_all()

    def accept(self, connection: socket.socket) -> socket.socket:
        """The connection as it is served, known to this server from now on."""
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
    request_queue_size = 1024
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
        """A client that is gone is no news: it is in `closed`."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        upstream = self.server.upstream
        match self.path:
            case "/requests":
                self._send_json(200, [msgspec.to_builtins(request) for request in upstream.requests])
            case "/closed":
                self._send_json(200, upstream.closed)
            case _:
                self._send_json(404, {"error": {"message": "no such path", "code": None}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        if self.path == "/script":
            scripts = body if isinstance(body, list) else [body]
            self.server.upstream.script(*msgspec.convert(scripts, list[Script]))
            self._send_json(200, {"queued": len(scripts)})
            return
        script = self.server.upstream.chosen(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = "…"
        self.server.upstream.note(Received(self.path, headers, body, time.monotonic()))
        try:
            self._play(script, body)
        except (Gone, ConnectionError):
            self.close_connection = True
            self.server.upstream.note_gone()

    def _play(self, script: Script, body: Mapping[str, Any]) -> None:
        self._pause(FOREVER if script.fault == "mute" else script.delay)
        if script.status != 200 or script.error:
            error = {"message": "scripted: sk-secret https://secret.example", "param": None, **script.error}
            self._send_json(script.status, {"error": error}, script.headers)
            return
        self.send_response(200)
        self._send_headers({"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **script.headers})
        events = recorded(script.recording) if script.recording else answer(pieces(script), model=body.get("model", ""))
        self._stream(script, events)

    def _stream(self, script: Script, events: Iterable[bytes]) -> None:
        written = bytearray()
        for number, one in enumerate(_cut(events, script.chunk)):
            if script.fault and number >= script.after:
                break
            written += b"%x\r\n%b\r\n" % (len(one), one)
            if script.rate or len(written) > WRITE:
                self._write(written)
            self._pause(1 / script.rate if script.rate else 0)
        self._write(written)
        self._break(script)

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
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            if selector.select(seconds):
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


def _cut(events: Iterable[bytes], size: int) -> Iterable[bytes]:
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
