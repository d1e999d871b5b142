"""This module puts an HTTP/1.1 response together from the bytes of its connection."""

from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_LONGEST_HEAD = 64 * 1024


class Reply:
    """A `Reply` takes bytes that are cut anywhere, and gives the body as far as it has come, in one piece.

    It raises `HttpParserError` for what isn't HTTP, and `ConnectionError` for what is cut short.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        """This says whether the status and the headers are there."""
        self.ended = False
        """This says whether the whole response is there."""
        self.keeps_open = False
        """This says whether the connection can carry another request once the response has ended."""
        self.heard = 0
        """This many bytes have come while the head hadn't ended."""
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed_bytes(self, piece: bytes) -> None:
        """Take the bytes that the connection gave. An empty piece means that the connection has ended."""
        if not piece:
            return self._note_disconnect()
        try:
            self._parser.feed_data(piece)
        except HttpParserError:
            self.keeps_open = False
            if not self.ended and not self._pieces:
                raise
        except HttpParserUpgrade as error:
            raise HttpParserError("upstream wants to speak another protocol") from error
        if not self.has_head:
            self.heard += len(piece)
            if self.heard > _LONGEST_HEAD:
                raise HttpParserError(f"the headers are longer than {_LONGEST_HEAD} bytes")
        return None

    def is_compressed(self) -> bool:
        """Tell whether the body isn't sent as it is, although every request asks for that."""
        named = [value.strip().lower() for name, value in self.headers if name.lower() == b"content-encoding"]
        return any(value not in (b"", b"identity") for value in named)

    def has_news(self) -> bool:
        """Tell whether a part of the body can be taken, or nothing more will come."""
        return self.ended or bool(self._pieces)

    def take_body(self) -> bytes:
        """Take what has come of the body since the last call. It is empty at the end of the body."""
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _note_disconnect(self) -> None:
        """Take the end of the connection for the end of the body where no header tells the body's length, as RFC 9112,
        section 6.3, says. Anywhere else it is a `ConnectionError`, unless the body has ended."""
        framed = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        if not self.ended and (framed or not self.has_head):
            raise ConnectionError("the connection ended before the response did")
        self.ended, self.keeps_open = True, False

    # The parser calls the methods below by their names.

    def on_message_begin(self) -> None:
        if self.ended:
            raise HttpParserError("a response that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # A header that comes later is a trailer.
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.has_head = self.status >= HTTPStatus.OK  # After a lower one another head follows (RFC 9110, section 15.2).
        self.keeps_open = self._parser.should_keep_alive()
        if not self.has_head:
            self.headers.clear()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self.ended = self.has_head
