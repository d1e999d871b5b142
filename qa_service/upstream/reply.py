"""An HTTP/1.1 response, put together from the bytes of its connection."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_LONGEST_HEAD = 64 * 1024


class Reply:
    """Fed bytes cut anywhere; gives the body as far as it has come, in one piece.

    Raises `HttpParserError` for what isn't HTTP, `ConnectionError` for what is cut short.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.headed = False
        """Whether status and headers are there."""
        self.ended = False
        self.lasting = False
        """Whether its connection can carry another, once it has ended."""
        self.heard = 0
        """Bytes so far, as long as the head hasn't ended."""
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed(self, piece: bytes) -> None:
        """What the connection gave; nothing means that it ended."""
        if not piece:
            return self._close()
        try:
            self._parser.feed_data(piece)
        except HttpParserError:
            self.lasting = False
            if not self.ended and not self._pieces:
                raise
        except HttpParserUpgrade as error:
            raise HttpParserError("upstream wants to speak another protocol") from error
        if not self.headed:
            self.heard += len(piece)
            if self.heard > _LONGEST_HEAD:
                raise HttpParserError(f"the headers are longer than {_LONGEST_HEAD} bytes")
        return None

    def has_news(self) -> bool:
        """Whether something can be taken, or nothing more will come."""
        return self.ended or bool(self._pieces)

    def take(self) -> bytes:
        """The body that has come since; empty at its end."""
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _close(self) -> None:
        """The end of the connection is the body's where nothing else tells it: RFC 9112, section 6.3."""
        framed = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        if not self.ended and (framed or not self.headed):
            raise ConnectionError("the connection ended before the response did")
        self.ended, self.lasting = True, False

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.ended:
            raise HttpParserError("a response that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headed:  # what comes later is a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.headed = self.status >= 200  # noqa: PLR2004 - RFC 9110, section 15.2: what is below announces another
        self.lasting = self._parser.should_keep_alive()
        if not self.headed:
            self.headers.clear()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self.ended = self.headed
