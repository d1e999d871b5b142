"""An incremental decoder of server-sent events, after the WHATWG HTML standard, section 9.2.6."""

from qa_service.errors import UpstreamUnavailable

_BOM = b"\xef\xbb\xbf"
_LIMIT = 32 * 1024 * 1024


class Decoder:
    """Takes bytes cut anywhere and gives the data of every event that is complete, as bytes.

    Names, ids and retry times are passed over: upstream says everything in the data. Bytes that aren't
    UTF-8 are left to whoever decodes the whole event. A last block without its blank line is never given.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._begun: list[bytes] = []
        """The pieces of a line whose end hasn't come."""
        self._values: list[bytes] = []
        """Of an event whose blank line hasn't come."""
        self._opening: bytes | None = b""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that end in this chunk. `UpstreamUnavailable` when one grows past the limit, in bytes."""
        if self._opening is not None:
            chunk = self._without_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        *lines, rest = chunk.split(b"\n")
        events = self._events(lines) if lines else []
        if rest:
            self._begun.append(rest)
        self._size = self._size + len(chunk) if self._values or not lines else len(rest)
        if self._size > self._limit:
            raise UpstreamUnavailable(f"an event of upstream's is longer than {self._limit} bytes")
        return events

    def _events(self, lines: list[bytes]) -> list[bytes]:
        if self._begun:
            lines[0] = b"".join([*self._begun, lines[0]])
            self._begun.clear()
        events, values = [], self._values
        for line in lines:
            if line:
                name, _, value = line.partition(b":")
                if name == b"data":
                    values.append(value.removeprefix(b" "))
            elif values:
                events.append(b"\n".join(values))
                values.clear()
        return events

    def _without_bom(self, chunk: bytes) -> bytes:
        opening = (self._opening or b"") + chunk
        if len(opening) < len(_BOM) and _BOM.startswith(opening):
            self._opening = opening
            return b""
        self._opening = None
        return opening.removeprefix(_BOM)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
