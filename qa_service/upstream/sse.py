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
        self._held: list[bytes] = []
        self._opening: bytes | None = b""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that end in this chunk. `UpstreamUnavailable` when one grows past the limit, in bytes."""
        if self._opening is not None:
            chunk = self._without_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if self._held or b"\n\n" not in chunk:
            chunk = self._joined(chunk)
        *blocks, rest = chunk.split(b"\n\n")
        if rest:
            self._held.append(rest)
            self._size = len(rest)
        return [data for block in blocks if (data := _data(block)) is not None]

    def _joined(self, chunk: bytes) -> bytes:
        """All that is held and the chunk, or nothing while no event ends: joining costs as much as is held."""
        seam = chunk.startswith(b"\n") and bool(self._held) and self._held[-1].endswith(b"\n")
        if chunk:
            self._held.append(chunk)
            self._size += len(chunk)
        if self._size > self._limit:
            raise UpstreamUnavailable(f"an event of upstream's is longer than {self._limit} bytes")
        if b"\n\n" not in chunk and not seam:
            return b""
        whole = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return whole

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


def _data(block: bytes) -> bytes | None:
    # Nearly every block is one `event:` line and one `data:` line, or the latter alone.
    name, found, data = block.partition(b"\ndata: ")
    if found and name.startswith(b"event:") and b"\n" not in name and b"\n" not in data:
        return data
    values = [_value(line) for line in block.split(b"\n") if line == b"data" or line.startswith(b"data:")]
    return b"\n".join(values) if values else None


def _value(line: bytes) -> bytes:
    return line[len(b"data:") :].removeprefix(b" ")
