"""This module reads a response of a stranger's server within bounds of bytes and of time.

The standard library trusts a server to come to an end. It reads as many interim responses, empty chunks and trailers as
are sent, and none of them counts as content. A server that sends faster than it is read would keep a worker busy for
ever, because under gevent whoever never waits for bytes lets nobody else go on, not even the timer that would end it.
So all bytes are counted where they come from the connection, before anybody knows what they are.
"""

import io
import socket
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import Any

from qa_service.pause import LongWork

MOST_HEAD = 256 << 10
"""Headers may have this many bytes, those of interim responses and the first bytes of the content among them."""
MOST_FRAMING = 1 << 20
"""What frames a body, such as the lengths of its chunks, may have this many bytes beside the content."""


class PageTooLarge(Exception):
    """A server sends more than a page may have."""


class MeteredResponse(HTTPResponse):
    """A `MeteredResponse` is a response of which at most `most` bytes are read, with some more for its head and for
    what frames it. Reading raises `PageTooLarge` beyond that, and what `check` raises, which is called before each
    read."""

    def __init__(self, connection: socket.socket, most: int, check: Callable[[], None]) -> None:
        super().__init__(connection, method="GET")
        self._meter = _Meter(self.fp.detach(), check)
        self._most = most
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        """Read the head. Raises `HTTPException` where it is too large."""
        try:
            super().begin()
        except PageTooLarge:
            raise HTTPException("the head is too large") from None
        self._meter.left = self._most + MOST_FRAMING


class _Meter(io.RawIOBase):
    """A `_Meter` counts the bytes that come from a connection, and gives way to other requests now and then."""

    def __init__(self, source: io.RawIOBase, check: Callable[[], None]) -> None:
        self.left = MOST_HEAD
        self._source = source
        self._check = check
        self._work = LongWork()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._work.end_step()
        self._check()
        received = self._source.readinto(buffer)
        self.left -= received or 0
        if self.left < 0:
            raise PageTooLarge
        return received

    def close(self) -> None:
        self._source.close()
        super().close()
