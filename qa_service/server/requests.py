"""Requests as gunicorn parses them, with bounds where gunicorn has none."""

import math

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from qa_service.server.connection import DRAIN_BYTES

HEAD_BYTES = 1 << 16
"""A request's headers have at most so many bytes together. gunicorn would allow 800 KiB, and would search all of them
again at each packet."""
TRAILER_BYTES = 1 << 13


class BoundedRequest(Request):
    """A request whose headers and trailers are bounded together, and whose connection isn't used again while a body
    that nobody wanted is still coming."""

    def read_into(self, unreader: Unreader, buf: bytearray, stop: bool | None = False) -> None:
        """Read more of the head. Raises `LimitRequestHeaders` when it is too long."""
        super().read_into(unreader, buf, stop)
        if len(buf) > HEAD_BYTES:
            raise LimitRequestHeaders(f"the headers are larger than {HEAD_BYTES} bytes")

    def set_body_reader(self) -> None:
        """Bound the trailers, which gunicorn allows to be as long as headers."""
        super().set_body_reader()
        if isinstance(reader := self._body.reader, ChunkedReader):
            reader.limit_trailer_section = TRAILER_BYTES  # type: ignore[attr-defined] # newer than the stubs

    def should_close(self) -> bool:
        """Whether this is the connection's last request. The answer's headers say so too."""
        return super().should_close() or self.unread_bytes() > DRAIN_BYTES

    def unread_bytes(self) -> float:
        """How many bytes of the body haven't been read. It is infinite where nobody can tell."""
        body = self._body
        if body.failed:  # type: ignore[attr-defined] # newer than the stubs
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
        assert self.body is not None  # noqa: S101 - gunicorn gives each request one
        return self.body
