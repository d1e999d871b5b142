"""This module decodes server-sent events incrementally, after the WHATWG HTML standard, section 9.2.6."""

from qa_service.errors import UpstreamUnavailable

LONGEST_EVENT = 32 * 1024 * 1024
"""An event may have this many bytes. The last event of a response repeats everything, pictures included."""

_BOM = b"\xef\xbb\xbf"
_D = ord("d")


class EventDecoder:
    """An `EventDecoder` takes bytes that are cut anywhere, and gives the data of every complete event, as bytes.

    Names, ids and retry times are passed over, because upstream says everything in the data. Bytes that aren't
    UTF-8 are left to whoever decodes the whole event. A last block without its blank line is never given.
    """

    def __init__(self, limit: int = LONGEST_EVENT) -> None:
        self._limit = limit
        self._size = 0
        """This many bytes of an unfinished event have come."""
        self._begun: list[bytes] = []
        """These are the pieces of a line whose end hasn't come."""
        self._values: list[bytes] = []
        """These are the data lines of an event whose blank line hasn't come."""
        self.opened = False
        """This says whether the body has begun. From then on its bytes are lines of a stream."""
        self._mark = b""
        """These are the first bytes, as long as they may become a byte order mark."""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that end in this chunk.

        An event that grows past the limit raises `UpstreamUnavailable`."""
        if not self.opened:
            chunk = self._begin(chunk)
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
                # Only data counts, and most other lines begin with another letter.
                if line[0] == _D and (parted := line.partition(b":"))[0] == b"data":
                    values.append(parted[2].removeprefix(b" "))
            elif values:
                events.append(b"\n".join(values))
                values.clear()
        return events

    def _begin(self, chunk: bytes) -> bytes:
        """Drop the byte order mark at the beginning. Nothing is returned as long as it may still come."""
        opening = self._mark + chunk
        self.opened = len(opening) >= len(_BOM) or not _BOM.startswith(opening)
        self._mark = b"" if self.opened else opening
        return opening.removeprefix(_BOM) if self.opened else b""

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
