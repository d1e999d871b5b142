"""This module has bodies of requests: one of which nothing comes, and one that nobody may read."""

import io
import threading

from flask import Request

from qa_service.errors import QAError
from qa_service.web.bodies import BodyBounds, RequestBody

HERE = "192.0.2.1"
"""The body is sent from here."""


class WaitingBody(RequestBody):
    """It has the length that was announced, and says when it was interrupted."""

    def __init__(self, bounds: BodyBounds, announced: int = 1, *, address: str = HERE) -> None:
        environ = {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": str(announced), "REMOTE_ADDR": address}
        super().__init__(Request(environ), bounds)
        self.interrupted = threading.Event()

    def interrupt(self, refusal: QAError) -> None:
        super().interrupt(refusal)
        self.interrupted.set()


class UnreadBody(io.RawIOBase):
    """An `UnreadBody` fails the test of whoever reads it."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("read")
