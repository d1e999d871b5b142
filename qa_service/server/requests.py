"""This module has gunicorn's requests, with bounds where gunicorn has none."""

import math

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from qa_service.server.connection import DRAIN_BYTES

HEAD_BYTES = 1 << 16
"""All headers of a request together may have at most this many bytes. gunicorn would allow 800 KiB, and would search
all of them again at each packet."""
TRAILER_BYTES = 1 << 13
"""The trailers after a chunked body may have at most this many bytes together."""


class BoundedRequest(Request):
    """A `BoundedRequest` bounds its headers, and its trailers, as a whole. Its connection is closed, and not used
    again, where much of the body hasn't been read."""

    def read_into(self, unreader: Unreader, buf: bytearray, stop: bool | None = False) -> None:
        """Read more of the headers. Raises `LimitRequestHeaders` when they are too long."""
        super().read_into(unreader, buf, stop)
        if len(buf) > HEAD_BYTES:
            raise LimitRequestHeaders(f"the headers are larger than {HEAD_BYTES} bytes")

    def set_body_reader(self) -> None:
        """Choose how the body is read, as gunicorn does. Also bound the trailers, which gunicorn allows to be as long
        as headers."""
        super().set_body_reader()
        if isinstance(reader := self._body.reader, ChunkedReader):
            reader.limit_trailer_section = TRAILER_BYTES  # type: ignore[attr-defined] # The stubs are older.

    def should_close(self) -> bool:
        """Return whether this is the connection's last request. gunicorn then writes `Connection: close` into the
        answer."""
        return super().should_close() or self.unread_bytes() > DRAIN_BYTES

    def unread_bytes(self) -> float:
        """Return how many bytes of the body haven't been read. The number is infinite where it isn't known."""
        body = self._body
        if body.failed:  # type: ignore[attr-defined] # The stubs are older.
            return math.inf
        match body.reader:
            case LengthReader(length=length):
                return length
            case ChunkedReader(parser=parser):
                return 0 if parser is None else math.inf
            case _:
                return 0

    @property
    def _body(self) -> Body:
        assert self.body is not None  # noqa: S101 - gunicorn gives each request a body
        return self.body
