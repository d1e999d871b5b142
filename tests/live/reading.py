"""This module has a client of the service over real sockets: asks, and notes when each frame came."""

import http.client
import json
import socket
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from msgspec import Struct

BOUNDARY = "live-test-boundary"


class Seen(Struct, frozen=True):
    """A `Seen` is a frame, and the moment it came."""

    at: float
    frame: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.frame["type"])

    @property
    def content(self) -> Any:
        return self.frame["content"]


class Stream:
    """A `Stream` is one response on a connection. Iterating gives its frames as they come, once."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.began = time.monotonic()
        self._connection = connection
        try:
            connection.request(method, path, body, dict(headers or {}))
            self.socket: socket.socket = connection.sock
            self.response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self.seen: list[Seen] = []
        self._lines = self._read_lines()

    @property
    def answer_id(self) -> str:
        return self.response.headers["X-Answer-Id"]

    @property
    def session_id(self) -> str:
        return self.response.headers["X-Session-Id"]

    def __iter__(self) -> Iterator[Seen]:
        for line in self._lines:
            if line.startswith(b"data: ") and line.endswith(b"\n"):
                self.seen.append(Seen(time.monotonic(), json.loads(line[6:])))
                yield self.seen[-1]

    def _read_lines(self) -> Iterator[bytes]:
        if self.response.headers["Content-Encoding"] != "gzip":
            yield from self.response
            return
        unpack, rest = zlib.decompressobj(wbits=31), b""
        while piece := self.response.read1(1 << 16):
            *lines, rest = (rest + unpack.decompress(piece)).split(b"\n")
            yield from (line + b"\n" for line in lines)

    def first(self, kind: str) -> Seen:
        """Return the next frame of this kind."""
        return next(seen for seen in self if seen.kind == kind)

    def finish(self) -> Self:
        """Read to the end."""
        for _ in self:
            pass
        return self

    @property
    def text(self) -> str:
        """Return what was read of the answer."""
        return "".join(seen.content for seen in self.seen if seen.kind == "text")

    @property
    def status(self) -> str:
        """Return how the answer ended. The text is empty when it was cut."""
        return str(self.seen[-1].content["status"]) if self.seen and self.seen[-1].kind == "done" else ""

    def problem(self) -> dict[str, Any]:
        """Return what was said instead of a stream."""
        found = json.loads(self.response.read())
        assert isinstance(found, dict)
        return found

    def shut(self) -> None:
        """End the connection, also under a thread that reads from it."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        self._connection.close()
        self.response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()


class Asked(Stream):
    """An `Asked` is one question, on a connection of its own or a given one."""

    def __init__(
        self,
        url: str,
        question: str,
        *,
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
        prefix: str = "/api",
        connection: http.client.HTTPConnection | None = None,
        file_field: str = "files",
        **fields: str,
    ) -> None:
        way = connection or http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
        body, kind = _body({"question": question, **fields}, files or {}, file_field)
        super().__init__(way, "POST", f"{prefix}/ask", body=body, headers={"Content-Type": kind, **(headers or {})})


class Resumed(Stream):
    """A `Resumed` is what comes of an answer after a number."""

    def __init__(
        self,
        url: str,
        answer_id: str,
        after: int = 0,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
        prefix: str = "/api",
        connection: http.client.HTTPConnection | None = None,
    ) -> None:
        way = connection or http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
        super().__init__(way, "GET", f"{prefix}/answers/{answer_id}/stream?after={after}", headers=headers)


def request(
    url: str,
    path: str,
    method: str = "GET",
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    connection: http.client.HTTPConnection | None = None,
) -> tuple[int, Any]:
    """Return the status and the JSON of one call. It has a connection of its own or a given one, which is closed
    afterwards."""
    connection = connection or http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def own_id() -> str:
    """Return a session's id that a visitor may choose."""
    return str(uuid.uuid4())


def _body(fields: Mapping[str, str], files: Mapping[str, bytes], file_field: str) -> tuple[bytes, str]:
    parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [_part(f'name="{file_field}"; filename="{name}"', content) for name, content in files.items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def _part(head: str, content: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
