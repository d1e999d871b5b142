"""This module sends requests along a route, and names in one finding why none gets through."""

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qa_service.doctor.findings import Finding, RouteBroken, make_finding

_PIECE = 1 << 16
READ_WHOLE = 1 << 20
"""Of a response that isn't streamed at most this many bytes are read."""
_MOST_STREAMED = 1 << 18
"""The longest stream that is asked for has less than half of this. One with more bytes is none of the probe's."""
_CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 20.0
NOT_YET, EXPIRED, OTHER_NAME, OTHER_ADDRESS = 9, 10, 62, 64
"""OpenSSL gives these numbers to certificates that aren't valid now, and to those for another name or IP address."""
TLS_CODES = {NOT_YET: "tls_expired", EXPIRED: "tls_expired", OTHER_NAME: "tls_name", OTHER_ADDRESS: "tls_name"}
_PORTS = {"http": 80, "https": 443}
HTTP10 = 10
GZIP = 16 + zlib.MAX_WBITS
TimedPiece: TypeAlias = tuple[float, bytes]
"""A piece of a body comes with the moment of its arrival, on the clock of `time.monotonic`."""


class Route(Struct, frozen=True):
    """A `Route` is the way to a service: its address, and the headers that the person sends along."""

    scheme: str
    host: str
    port: int
    prefix: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def origin(self) -> str:
        """Return the origin of its pages, as browsers write it."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self._shown_host}{port}"

    @property
    def url(self) -> str:
        """Return the address of the service."""
        return self.origin + self.prefix

    @property
    def _shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def with_prefix(self, prefix: str) -> "Route":
        """Return the same route to another path."""
        return replace(self, prefix=prefix)

    def sends(self, header: str) -> bool:
        """Tell whether the person sends this header along."""
        return header.lower() in {name.lower() for name, _ in self.headers}

    @contextmanager
    def open_reply(
        self, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, seconds: float = 0
    ) -> Iterator["RouteReply"]:
        """Send a request, and give what comes back. `seconds` is how long the response may take beside the usual time.
        Raises `RouteBroken` where nothing comes back."""
        patience = ANSWER_SECONDS + seconds
        with self._naming_faults(path, patience), closing(self._connect(patience)) as connection:
            method, asked = "GET" if body is None else "POST", time.monotonic()
            connection.request(method, self.prefix + path, body, self._all_headers(headers))
            yield RouteReply(_open_response(connection, patience), asked)

    def announce_body(self, path: str, size: int, seconds: float) -> "RouteReply | None":
        """Announce a body of this size and send nothing of it. The result is the refusal that came within this many
        seconds, or None where the body is waited for. Raises `RouteBroken`."""
        with self._naming_faults(path, ANSWER_SECONDS), closing(self._connect(ANSWER_SECONDS)) as connection:
            connection.putrequest("POST", self.prefix + path)
            for name, value in self._all_headers({"Content-Length": str(size)}).items():
                connection.putheader(name, value)
            connection.endheaders()
            with suppress(TimeoutError):
                reply = RouteReply(_open_response(connection, seconds), time.monotonic())
                reply.read_start()
                return reply
        return None

    def offers_http2(self) -> bool:
        """Tell whether the front door speaks HTTP/2. Only TLS tells that beforehand. Raises `RouteBroken`."""
        with self._naming_faults("/", _CONNECT_SECONDS), self._open_socket(("h2", "http/1.1")) as tls:
            return isinstance(tls, ssl.SSLSocket) and tls.selected_alpn_protocol() == "h2"

    def _all_headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        usual = {"User-Agent": "qa-service-doctor", "Accept": "text/event-stream, application/json"}
        # The service refuses a GET with a cookie unless a browser could have said that no other site has sent it.
        usual["Sec-Fetch-Site"] = "none"
        return {**usual, **(more or {}), **dict(self.headers)}

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        connection.default_port = _PORTS[self.scheme]
        connection.sock = self._open_socket(("http/1.1",))
        connection.sock.settimeout(seconds)
        return connection

    def _open_socket(self, protocols: tuple[str, ...]) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=_CONNECT_SECONDS)
        if self.scheme == "http":
            return plain
        context = ssl.create_default_context()
        context.set_alpn_protocols(list(protocols))
        try:
            return context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    @contextmanager
    def _naming_faults(self, path: str, seconds: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise RouteBroken(make_finding("silent", path=self.prefix + path, seconds=seconds)) from None
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise RouteBroken(self._name_fault(error)) from None

    def _name_fault(self, error: Exception) -> Finding:
        place = partial(make_finding, host=self.host, port=self.port)
        match error:
            case socket.gaierror() | UnicodeError():
                return make_finding("name_unknown", host=self.host)
            case ConnectionRefusedError():
                return place("nobody_listens")
            case ssl.SSLCertVerificationError():
                return make_finding(TLS_CODES.get(error.verify_code, "tls_untrusted"), host=self.host)
            case ssl.SSLError() if error.reason != "WRONG_VERSION_NUMBER":
                return make_finding("tls_failed", host=self.host, reason=_say(error))
            case ssl.SSLError() | http.client.HTTPException() | ConnectionResetError():
                other = "http" if self.scheme == "https" else "https"
                return place("not_http", reason=_say(error), scheme=self.scheme, other=other)
            case _:
                return place("unreachable", reason=_say(error))


class RouteReply:
    """A `RouteReply` is a response, whose body is read as it arrives. `asked` is the moment at which the request was
    sent, on the clock of `time.monotonic`. `is_cut` says afterwards that the end of the body was missing."""

    def __init__(self, response: http.client.HTTPResponse, asked: float) -> None:
        self._response = response
        self.asked = asked
        self.status = response.status
        self.is_cut = False
        self.start = b""
        self.coding = self.header("Content-Encoding").lower()

    @property
    def media_type(self) -> str:
        """Return the media type without its parameters."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def is_http10(self) -> bool:
        """Tell whether the nearest server answers in HTTP/1.0."""
        return self._response.version == HTTP10

    @property
    def servers(self) -> str:
        """Return the names that servers on the way have given themselves."""
        return " ".join(map(self.header, ("Server", "Via", "X-Powered-By")))

    def header(self, name: str) -> str:
        """Return a header, or an empty text."""
        return self._response.getheader(name) or ""

    def read_start(self) -> None:
        """Read the body of a response that isn't streamed, as far as it matters."""
        with suppress(http.client.HTTPException, zlib.error):
            self.start = self._decoder()(self._response.read(READ_WHOLE))

    def read_object(self) -> Mapping[str, Any]:
        """Return the JSON object that was read. It is empty where there was none."""
        try:
            value = msgspec.json.decode(self.start)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def iterate_pieces(self) -> Iterator[TimedPiece]:
        """Give the body as it arrives, decompressed. It counts as cut where there is more than any probe has."""
        decode, room = self._decoder(), _MOST_STREAMED
        try:
            while piece := self._response.read1(_PIECE):
                moment, text = time.monotonic(), decode(piece)
                room -= len(text)
                if room < 0:
                    self.is_cut = True
                    return
                self.start = self.start or text
                yield moment, text
        except (http.client.HTTPException, ConnectionError, ssl.SSLError, zlib.error):
            self.is_cut = True

    def _decoder(self) -> Callable[[bytes], bytes]:
        if self.coding != "gzip":
            return bytes
        # A few bytes may stand for any number, of which no more are made than anybody reads.
        decompress = zlib.decompressobj(GZIP).decompress
        return lambda piece: decompress(piece, READ_WHOLE)


class HurriedReader(io.RawIOBase):
    """A `HurriedReader` reads a socket until this many seconds are over, and raises `TimeoutError` from then on. The
    socket's own time-out never comes where something sends a byte now and then."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = time.monotonic() + seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the file that a response is read from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _open_response(connection: http.client.HTTPConnection, seconds: float) -> http.client.HTTPResponse:
    """Read the head of a response. The whole response may take this many seconds."""
    connection.response_class = lambda sock, **options: http.client.HTTPResponse(  # type: ignore[assignment]
        HurriedReader(sock, seconds),  # type: ignore[arg-type]
        **options,
    )
    return connection.getresponse()


def read_route(url: str, headers: tuple[tuple[str, str], ...] = ()) -> Route:
    """Read the address of a service, or of the site that has it below the usual prefix. Raises `ValueError`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host = ""
    if not host:
        raise ValueError("expected an address such as https://www.example.com/api")
    return Route(parts.scheme, host, port, quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._"), headers)


def _say(error: Exception) -> str:
    known = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(known).replace("_", " ").lower()
