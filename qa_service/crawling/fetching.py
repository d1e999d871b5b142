"""This module fetches a page of a website, within bounds of size and time, from public addresses alone.

No redirect is followed here. Where one leads is a page of its own, for which the crawl decides whether it may be read.
No proxy is used either, because the address that is connected to must be the one that was checked.
"""

import re
import socket
import ssl
import string
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Timer
from time import monotonic, time
from typing import Literal, TypeAlias
from urllib.parse import quote, urlsplit

from msgspec import Struct

from qa_service.crawling.addresses import PORTS, is_same_site, normalize_address
from qa_service.crawling.metering import MeteredResponse, PageTooLarge
from qa_service.crawling.public_addresses import ClosedAddress, MayConnect, connect_to_public, is_public_address
from qa_service.crawling.unpacking import Unpacking
from qa_service.pause import LongWork
from qa_service.threads import start_thread

AGENT = "qa-service"
"""Sites know the crawler by this name, also in their robots.txt."""
ACCEPTED = "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.9, */*;q=0.5"
_MOVED = {
    HTTPStatus.MOVED_PERMANENTLY: True,
    HTTPStatus.FOUND: False,
    HTTPStatus.SEE_OTHER: False,
    HTTPStatus.TEMPORARY_REDIRECT: False,
    HTTPStatus.PERMANENT_REDIRECT: True,
}
"""With these statuses a server names another address. The value says whether the page has moved for good."""
_GONE = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.GONE,
    # The page isn't public any more.
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
}
_REFUSED = set(range(400, 500)) - {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_NEVER_READ = ("image/", "video/", "audio/", "font/", "text/css", "text/javascript", "application/javascript")
_CHARSET = re.compile(r"[\w.:-]{1,40}", re.ASCII)
_READ = 1 << 16
_MOST_PIECES = 100_000
"""A page that comes in more pieces is made to keep its reader busy: in chunks of one byte, or in members of gzip that
hold nothing."""
_LONGEST_TYPE = 500
"""The standard library takes seconds for parameters of a type that fill a longest header."""
_MOST_WAIT = 3600
MOST_MOVES = 5
"""This many redirects are followed, one after another. RFC 9309 asks for at least this many on the way to
robots.txt."""

FetchOutcome: TypeAlias = Literal["fetched", "unchanged", "moved", "gone", "refused", "unfit", "failed", "stopped"]
"""A `FetchOutcome` says what came of fetching a page.

`moved` names another address in `target`. `gone` says that there is no such public page any more. `refused` says that
nobody may fetch it, and `unfit` that it is too large or of a kind that is never read. Trying again soon doesn't help
then. `failed` may be better the next time. `stopped` says nothing of the page, because the fetcher was stopped."""


class FetchBounds(Struct, frozen=True):
    """A `FetchBounds` says how many bytes a page may have, unpacked, and how many seconds fetching it may take."""

    bytes: int = 15 << 20
    seconds: float = 30.0


class Known(Struct, frozen=True):
    """A `Known` holds what a page's server has said of its last version, so that an unchanged page isn't sent again."""

    etag: str = ""
    modified: str = ""


NOTHING_KNOWN = Known()


class Fetched(Struct, frozen=True):
    """A `Fetched` is what came of fetching one address."""

    outcome: FetchOutcome
    reason: str = ""
    """This is a short English text for operators, such as `it answered 503`. It is empty where all went well."""
    content: bytes = b""
    media_type: str = ""
    charset: str = ""
    known: Known = NOTHING_KNOWN
    robots: str = ""
    """These are the headers `X-Robots-Tag`, one a line, in lower case."""
    target: str = ""
    """This is the normalized address that the page has moved to."""
    is_lasting: bool = True
    """This says whether a page that moved has moved for good."""
    wait: float = 0.0
    """The server wants not to be asked for this many seconds."""


FetchPage: TypeAlias = Callable[[str, Known], Fetched]
"""Such a function fetches a normalized address. It raises `Overloaded` where the system has no room for it, and nothing
else."""


def follow_moves(address: str, fetch: FetchPage) -> tuple[str, Fetched]:
    """Fetch a page, wherever in its site it has moved to. Return the address that was fetched last, and what came of
    it. The outcome stays `moved` where the page leads to another site, or has moved more than `MOST_MOVES` times."""
    fetched, moves = fetch(address, NOTHING_KNOWN), 0
    while fetched.outcome == "moved" and is_same_site(fetched.target, address) and moves < MOST_MOVES:
        address, moves = fetched.target, moves + 1
        fetched = fetch(address, NOTHING_KNOWN)
    return address, fetched


class PageFetcher:
    """A `PageFetcher` fetches pages. `may_connect` tells which addresses may be connected to; only tests, whose pages
    are on this machine, give another one. `stop_fetching` may be called by any thread."""

    def __init__(self, bounds: FetchBounds, may_connect: MayConnect = is_public_address) -> None:
        self._bounds = bounds
        self._may_connect = may_connect
        self._tls = ssl.create_default_context()
        self._open: socket.socket | None = None
        self._stopped = False
        self._until = 0.0

    def fetch_page(self, address: str, known: Known = NOTHING_KNOWN) -> Fetched:
        """Fetch a page, as `FetchPage` says."""
        try:
            with self._connected(address) as connection:
                return self._ask(connection, address, known)
        except ClosedAddress as error:
            return Fetched("refused", str(error))
        except PageTooLarge:
            return Fetched("unfit", f"it has more than {self._bounds.bytes} bytes")
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            return Fetched("stopped", "it was stopped") if self._stopped else Fetched("failed", _describe(error))

    def stop_fetching(self) -> None:
        """Cut off the page that is being fetched, and fetch no other."""
        self._stopped = True
        self._cut()

    def _cut(self) -> None:
        """Cut the connection that is open, so that whoever waits for it in another thread gets an error."""
        opened = self._open
        if opened is not None:
            with suppress(OSError):
                # `SSLSocket.shutdown` would also take the decryption away from the thread that reads.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    @contextmanager
    def _connected(self, address: str) -> Iterator[HTTPConnection]:
        """Open a connection, which is cut when the page's time is over. A time-out of the socket alone would begin
        again with each byte that comes. A cut looks like the end of a page whose length nobody announced, so this
        raises `TimeoutError` or `ConnectionAbortedError` at the end."""
        parts, self._until = urlsplit(address), monotonic() + self._bounds.seconds
        connection = HTTPConnection(
            parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=self._bounds.seconds
        )
        timer = Timer(self._bounds.seconds, self._cut)
        timer.daemon = True
        start_thread(timer)
        try:
            self._check_time()
            self._connect(connection, encrypted=parts.scheme == "https")
            yield connection
            self._check_time()
        except (OSError, HTTPException):
            self._check_time()  # Otherwise a cut would be told as a fault of the server.
            raise
        finally:
            timer.cancel()
            self._open = None
            connection.close()

    def _check_time(self) -> None:
        if self._stopped:
            raise ConnectionAbortedError
        if monotonic() >= self._until:
            raise TimeoutError

    def _note_socket(self, opened: socket.socket) -> None:
        """Let a cut reach this socket from now on. A cut that came before had nothing to cut, and is noticed here."""
        self._open = opened
        self._check_time()

    def _connect(self, connection: HTTPConnection, *, encrypted: bool) -> None:
        host, port = connection.host, connection.port
        opened = connect_to_public(host, port, self._bounds.seconds, self._may_connect, self._note_socket)
        opened.settimeout(self._bounds.seconds)
        if encrypted:
            # The handshake waits for the server, and must be cut like everything else.
            opened = self._tls.wrap_socket(opened, server_hostname=connection.host, do_handshake_on_connect=False)
        # The connection forgets its socket as soon as a page begins whose end is that of the connection.
        connection.sock = opened
        self._note_socket(opened)
        if isinstance(opened, ssl.SSLSocket):
            opened.do_handshake()

    def _ask(self, connection: HTTPConnection, address: str, known: Known) -> Fetched:
        parts = urlsplit(address)
        headers = {
            "Host": parts.netloc,
            "User-Agent": AGENT,
            "Accept": ACCEPTED,
            "Accept-Encoding": "gzip",
            **({"If-None-Match": known.etag} if known.etag else {}),
            **({"If-Modified-Since": known.modified} if known.modified else {}),
        }
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        with closing(MeteredResponse(connection.sock, self._bounds.bytes, self._check_time)) as response:
            response.begin()
            return self._read_response(response, address)

    def _read_response(self, response: HTTPResponse, address: str) -> Fetched:
        status, told = response.status, f"it answered {response.status}"
        if status == HTTPStatus.OK:
            return self._read_page(response)
        if status == HTTPStatus.NOT_MODIFIED:
            return Fetched("unchanged")
        if status in _MOVED:
            return _read_target(response, address)
        outcome: FetchOutcome = "gone" if status in _GONE else "refused" if status in _REFUSED else "failed"
        return Fetched(outcome, told, wait=_read_wait(response.headers))

    def _read_page(self, response: HTTPResponse) -> Fetched:
        headers = response.headers
        media_type, charset = _read_type(headers)
        if media_type.startswith(_NEVER_READ):
            return Fetched("unfit", f"it is {media_type[:60]}")
        unpacking = Unpacking(headers.get("Content-Encoding", "").strip().lower())
        content = b"".join(self._read_pieces(response, unpacking))
        if _is_cut(response, content) or (content and not unpacking.is_whole):
            return Fetched("failed", "the connection was cut")
        return Fetched(
            "fetched",
            content=content,
            media_type=media_type,
            charset=charset,
            known=Known(_read_header(headers, "ETag", 500), _read_header(headers, "Last-Modified", 100)),
            robots="\n".join(headers.get_all("X-Robots-Tag", [])).lower(),
        )

    def _read_pieces(self, response: HTTPResponse, unpacking: Unpacking) -> Iterator[bytes]:
        """Give the pieces of the page, unpacked. A small body that unpacks to a huge one is never unpacked as a whole.
        Raises `PageTooLarge`, or `ValueError` where it comes in too many pieces."""
        left, pieces, work = self._bounds.bytes, 0, LongWork()
        while sent := response.read1(_READ):
            while sent:
                piece, sent = unpacking.unpack(sent)
                yield piece
                left, pieces = left - len(piece), pieces + 1
                if left < 0:
                    raise PageTooLarge
                if pieces > _MOST_PIECES:
                    raise ValueError("it comes in too many pieces")
                work.end_step()


def _is_cut(response: HTTPResponse, content: bytes) -> bool:
    """Tell whether fewer bytes came than were announced. A server that closes the connection within its headers
    announces nothing, and nothing comes."""
    is_open_end = not response.chunked and "Content-Length" not in response.headers
    return bool(response.length) or (is_open_end and not content)


def _read_type(headers: Message) -> tuple[str, str]:
    """Return the type of a page and the charset that it names, or empty texts."""
    told, written = Message(), headers.get("Content-Type", "")
    whole = written if len(written) <= _LONGEST_TYPE else written[:_LONGEST_TYPE].rpartition(";")[0]
    told["Content-Type"] = whole if whole.isprintable() else ""
    charset = _CHARSET.fullmatch(str(told.get_param("charset", "")))
    return told.get_content_type() if told["Content-Type"] else "", charset[0] if charset else ""


def _read_header(headers: Message, name: str, longest: int) -> str:
    """Read a header that is kept. One that is longer counts as none, and so does one with control characters, which the
    database doesn't take."""
    told = headers.get(name, "")
    return told if len(told) <= longest and told.isprintable() else ""


def _read_target(response: HTTPResponse, address: str) -> Fetched:
    # Some servers write letters there as they are. `http.client` takes each of their bytes for a letter of Latin-1.
    told = quote(response.headers.get("Location", ""), f"{string.punctuation} ", encoding="latin-1")
    target = normalize_address(told, address)
    if not target:
        return Fetched("failed", "it moved to no address of a page")
    return Fetched("moved", target=target, is_lasting=_MOVED[HTTPStatus(response.status)])


def _describe(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "its certificate isn't valid"
        case TimeoutError():
            return "it took too long"
        case socket.gaierror():
            return "there is no such host"
        case OSError():
            return f"the connection failed ({type(error).__name__})"
        case _:
            return f"what came can't be read ({type(error).__name__})"


def _read_wait(headers: Message) -> float:
    """Read for how many seconds the server wants to be left alone. It may be a number or a date."""
    told = headers.get("Retry-After", "").strip()
    with suppress(ValueError, TypeError, OverflowError):
        seconds = float(told) if told[:1].isdigit() else parsedate_to_datetime(told).timestamp() - time()
        return min(max(seconds, 0.0), _MOST_WAIT)
    return 0.0
