"""This module has what a host says to the service, overheard between them."""

import re
import socket
from contextlib import suppress
from email.message import Message
from http.client import parse_headers
from io import BytesIO

from tests.live.cable import Cable

HEAD = re.compile(rb"[A-Z]+ /\S* HTTP/1\.1\r\n.*?\r\n\r\n", re.DOTALL)


class Tapped(Cable):
    """A `Tapped` is a cable that notes what a host says to the service."""

    def __init__(self, backend: int) -> None:
        super().__init__(backend)
        self.said = bytearray()

    def hear(self, piece: bytes) -> None:
        self.said += piece

    def close_way(self, source: socket.socket, sink: socket.socket) -> None:
        """Leave the other direction open. A service that takes no more of an upload may have said why, and that
        direction ends by itself."""
        for end, way in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
            with suppress(OSError):
                end.shutdown(way)

    def requests(self) -> list[Message]:
        """Return the headers of all requests. The first line of each is in `Asked`."""
        return [parse_headers(BytesIO(b"Asked: " + head)) for head in HEAD.findall(self.said)]
