"""This module reads the body of a successful response: a stream of events, or, from some servers, one JSON value."""

from qa_service.errors import UpstreamRejected, UpstreamUnavailable
from qa_service.upstream.fields import parse_json
from qa_service.upstream.sse import LONGEST_EVENT, EventDecoder


class ResponseBody(EventDecoder):
    """A `ResponseBody` takes the body's bytes, cut anywhere, and gives the data of its events.

    The first byte of the body tells what the body is, because no event begins with a bracket; content types aren't
    believed. A JSON value has no events, and is complete when the body ends. A page of HTML raises `UpstreamRejected`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._value = bytearray()

    @property
    def is_value(self) -> bool:
        """Tell whether the body is one JSON value."""
        return bool(self._value)

    def parse_value(self) -> object:
        """Parse the JSON value. One that can't be parsed raises `UpstreamUnavailable`."""
        try:
            return parse_json(bytes(self._value))
        except ValueError as error:
            raise UpstreamUnavailable("upstream's answer is neither a stream of events nor JSON") from error

    def _begin(self, chunk: bytes) -> bytes:
        if self._value:
            return self._collect(chunk)
        opening = super()._begin(chunk)
        start = opening.lstrip()
        if start.startswith((b"{", b"[")):
            self.opened = False
            return self._collect(start)
        if start.startswith(b"<"):
            raise UpstreamRejected("upstream answered with a page of HTML; the base URL may be wrong")
        self.opened = bool(start)
        return opening

    def _collect(self, chunk: bytes) -> bytes:
        self._value += chunk
        if len(self._value) > LONGEST_EVENT:
            raise UpstreamUnavailable(f"upstream's answer is longer than {LONGEST_EVENT} bytes")
        return b""
