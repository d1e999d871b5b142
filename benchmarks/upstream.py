"""This server plays the model. It answers in the Responses API's events, as fast or as evenly as it is told to.

    python -m benchmarks.upstream PORT

It must cost less than what it measures, so it has one thread and one epoll, and builds as few bytes as possible. A
client can check the text of an answer. Each word follows a space. In paced answers each word is followed by `@` and the
nanosecond at which the word was sent (CLOCK_MONOTONIC, so a client on this machine can tell its age). At the end of the
text stand `=` and the CRC-32 of all before it.
"""

import gc
import json
import random
import re
import select
import socket
import sys
from base64 import b64encode
from functools import lru_cache
from io import BytesIO
from time import monotonic_ns, process_time
from zlib import crc32

import msgspec
from msgspec import Struct
from PIL import Image

WORDS = tuple(word.encode() for word in ("the", "battery", "보증은", "covers", "충전식", "cells", "기간", "for"))
MESSAGE = "msg_68f0c1d2a9b881939e4d0c7b5a6f3e210c9d8b7a65f4e3d2"
TICK = 1_000_000
"""This many nanoseconds pass between two looks at what is due."""
READ = 1 << 18

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n"
_STREAM = _HEAD % (b"text/event-stream; charset=utf-8", b"Transfer-Encoding: chunked")
_DELTA = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%%d,'
    b'"item_id":"%b","output_index":0,"content_index":0,"delta":"%%b","logprobs":[]}\n\n'
) % MESSAGE.encode()
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Script(Struct, frozen=True):
    """A `Script` says what every answer is like, until the next script comes."""

    deltas: int = 400
    rate: float = 0
    """How many deltas are sent a second. With 0 they are sent as fast as the connection takes them, and without their
    age."""
    burst: int = 1
    """How many deltas leave in one write, where there is a rate."""
    picture: int = 0
    """How many pixels a side the picture has that every answer draws. With 0 there is none. A pixel takes three bytes,
    because the picture is noise."""


class State(Struct, frozen=True):
    """A `State` says what happened since the last control request."""

    cpu: float
    """This process has worked for this many CPU seconds since it began."""
    late: float
    """No delta was late by more seconds than this."""
    closed: tuple[int, ...]
    """At these moments clients hung up in the middle of an answer, in nanoseconds of CLOCK_MONOTONIC."""


def chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


def event(kind: str, number: int, fields: dict[str, object]) -> bytes:
    """Build an event that isn't a delta, as a chunk."""
    body = json.dumps({"type": kind, "sequence_number": number, **fields}, ensure_ascii=False, separators=(",", ":"))
    return chunk(f"event: {kind}\ndata: {body}\n\n".encode())


def response(status: str, **fields: object) -> dict[str, object]:
    return {"response": {"id": "resp_68f0", "object": "response", "model": "bench", "status": status, **fields}}


def item(text: str, status: str) -> dict[str, object]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}] if text else []
    return {"id": MESSAGE, "type": "message", "role": "assistant", "status": status, "content": content}


@lru_cache
def opening() -> bytes:
    """Build all that comes before the first delta."""
    place = {"item_id": MESSAGE, "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    return _STREAM + b"".join(
        (
            event("response.created", 0, response("in_progress", usage=None)),
            event("response.in_progress", 1, response("in_progress", usage=None)),
            event("response.output_item.added", 2, {"output_index": 0, "item": item("", "in_progress")}),
            event("response.content_part.added", 3, {**place, "part": part}),
        )
    )


@lru_cache
def drawing(side: int) -> dict[str, object]:
    """Build the item of a picture that is drawn. Its base64 comes in two events, as OpenAI sends it."""
    file = BytesIO()
    Image.frombytes("RGB", (side, side), random.randbytes(3 * side * side)).save(file, "PNG")
    result = b64encode(file.getvalue()).decode()
    return {"id": "ig_68f0", "type": "image_generation_call", "status": "completed", "result": result}


def closing(number: int, text: str, picture: int) -> bytes:
    """Build all that comes after the last delta. `number` is that of the next event."""
    place = {"item_id": MESSAGE, "output_index": 0, "content_index": 0}
    done, deltas = [item(text, "completed"), *([drawing(picture)] if picture else [])], number - 4
    usage = {"input_tokens": 100, "output_tokens": deltas, "total_tokens": 100 + deltas}
    events = (
        event("response.output_text.done", number, {**place, "text": text, "logprobs": []}),
        *(
            event("response.output_item.done", number + 1 + index, {"output_index": index, "item": one})
            for index, one in enumerate(done)
        ),
        event("response.completed", number + 3, response("completed", output=done, usage=usage)),
    )
    return b"".join((*events, b"0\r\n\r\n"))


class Answer:
    """An `Answer` gives the deltas of one answer."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._sent = 0
        self._text = bytearray()

    @property
    def finished(self) -> bool:
        return self._sent == self.script.deltas

    def more(self, count: int) -> bytes:
        """Build the next deltas, for one write. After the last delta comes all that follows."""
        deltas = [self._delta() for _ in range(min(count, self.script.deltas - self._sent))]
        if self.finished:
            deltas.append(closing(self._sent + 4, self._text.decode(), self.script.picture))
        return b"".join(deltas)

    def _delta(self) -> bytes:
        word = b" " + WORDS[self._sent % len(WORDS)]
        if self.script.rate:
            word = b"%b@%d" % (word, monotonic_ns())
        self._text += word
        self._sent += 1
        if self.finished:
            mark = b"=%08x" % crc32(self._text)
            self._text += mark
            word += mark
        return chunk(_DELTA % (self._sent + 3, word))


@lru_cache
def whole(script: Script) -> bytes:
    """Build the whole of an answer without a rate. It is the same each time, so it is built only once."""
    return opening() + Answer(script).more(script.deltas)


class Connection:
    """A `Connection` is one client, and the answer that is being sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.answer: Answer | None = None
        self._received = bytearray()
        self._unsent = memoryview(b"")

    def request(self) -> bytes | None:
        """Return the next request when the whole of it has come, and otherwise None. Raises `ConnectionError` when the
        client has gone."""
        received = self.sock.recv(READ)
        if not received:
            raise ConnectionResetError
        self._received += received
        head = self._received.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(self._received, 0, head)
        if head < 4 or len(self._received) < (end := head + int(length[1] if length else 0)):
            return None
        whole_request = bytes(self._received[:end])
        del self._received[:end]
        return whole_request

    def send(self, written: bytes | memoryview) -> bool:
        """Send these bytes, behind those that wait. Returns False when some of them have to wait."""
        if self._unsent:
            self._unsent = memoryview(b"".join((self._unsent, written)))
            return False
        try:
            sent = self.sock.send(written)
        except BlockingIOError:
            sent = 0
        self._unsent = memoryview(written)[sent:]
        return not self._unsent

    def flush(self) -> bool:
        """Send what waits, because the client has room again. Returns True when nothing waits any more."""
        waiting, self._unsent = self._unsent, memoryview(b"")
        return self.send(waiting)


class Upstream:
    """An `Upstream` is the server."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._connections: dict[int, Connection] = {}
        self._due: dict[int, list[Connection]] = {}
        self._tick = 0
        self._script = Script()
        self._late = 0
        self._closed: list[int] = []

    def serve_forever(self) -> None:
        while True:
            for number, happened in self._epoll.poll(TICK / 1e9 if self._due else None):
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._attend(self._connections[number], happened)
            self._send_what_is_due()

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[sock.fileno()] = Connection(sock)
        self._epoll.register(sock, select.EPOLLIN)

    def _attend(self, connection: Connection, happened: int) -> None:
        try:
            if happened & select.EPOLLOUT and connection.flush():
                self._epoll.modify(connection.sock, select.EPOLLIN)
            if happened & ~select.EPOLLOUT and (request := connection.request()):
                self._reply(connection, request)
        except ConnectionError:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        if connection.answer:
            self._closed.append(monotonic_ns())
            connection.answer = None
        del self._connections[connection.sock.fileno()]
        connection.sock.close()

    def _reply(self, connection: Connection, request: bytes) -> None:
        if request.startswith(b"POST /control"):
            self._script = msgspec.json.decode(request.partition(b"\r\n\r\n")[2], type=Script)
            self._write(connection, self._state())
        elif not self._script.rate:
            self._write(connection, whole(self._script))
        else:
            answer = connection.answer = Answer(self._script)
            self._write(connection, opening() + answer.more(self._script.burst))
            self._schedule(connection, answer)

    def _state(self) -> bytes:
        body = msgspec.json.encode(State(process_time(), self._late / 1e9, tuple(self._closed)))
        self._late = 0
        self._closed.clear()
        return _HEAD % (b"application/json", b"Content-Length: %d" % len(body)) + body

    def _schedule(self, connection: Connection, answer: Answer) -> None:
        """Plan the next burst at a random moment of the first interval, so that streams don't all send at once."""
        if answer.finished:
            connection.answer = None
            return
        now = monotonic_ns() // TICK
        if not self._due:
            self._tick = now
        self._due.setdefault(now + random.randint(1, _interval(answer.script)), []).append(connection)

    def _send_what_is_due(self) -> None:
        now = monotonic_ns() // TICK
        while self._due and self._tick < now:
            self._tick += 1
            if waiting := self._due.pop(self._tick, None):
                self._late = max(self._late, monotonic_ns() - self._tick * TICK)
                for connection in waiting:
                    self._send_more(connection)

    def _send_more(self, connection: Connection) -> None:
        answer = connection.answer
        if answer is None:
            return
        try:
            self._write(connection, answer.more(answer.script.burst))
        except ConnectionError:
            self._drop(connection)
            return
        if answer.finished:
            connection.answer = None
        else:
            self._due.setdefault(self._tick + _interval(answer.script), []).append(connection)

    def _write(self, connection: Connection, written: bytes) -> None:
        if not connection.send(written):
            self._epoll.modify(connection.sock, select.EPOLLIN | select.EPOLLOUT)


def _interval(script: Script) -> int:
    return max(1, round(1e9 * script.burst / script.rate / TICK))


def main() -> None:
    gc.disable()  # no object here refers to itself, and a pause for the collector would look like a slow server
    Upstream(int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
