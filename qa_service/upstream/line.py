"""One connection to upstream, under the SDK's client: a stop shuts it at any moment, each phase has its patience."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from time import monotonic
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai
from msgspec import Struct

from qa_service.errors import UpstreamTimeout, UpstreamUnavailable
from qa_service.upstream.failures import FOREIGN

_KEPT_SECONDS = 60
_LAST_BYTES_SECONDS = 0.25
_READ = 64 * 1024


class Patience(Struct, frozen=True):
    """How many seconds each phase may take; the whole answer is limited by whoever asks."""

    connect: float
    first_token: float
    """From the request to the first sign of work, however many bytes come before it."""
    idle: float
    """Between two reads after that."""


class Way(Struct, frozen=True):
    """How upstream is reached."""

    tls: ssl.SSLContext | None = None
    """None where it speaks plain HTTP."""
    proxy: httpx2.URL | None = None
    """One that speaks plain HTTP itself, and is asked for a tunnel."""


def way_to(url: httpx2.URL) -> Way:
    """TLS as the SDK has it, and the proxy that the system names, as for the SDK; plain HTTP never takes one."""
    if url.scheme != "https":
        return Way()
    proxy = "" if proxy_bypass(url.host) else getproxies().get("https", "")
    return Way(httpx2.create_ssl_context(), httpx2.URL(proxy) if proxy else None)


class Line(httpx2.BaseTransport):
    """Carries one request at a time over HTTP/1.1 and keeps its connection for the next.

    The default transport doesn't tell which socket waits for an answer, and closing one doesn't wake its
    reader; besides, `http.client` reads at half the cost. Foreign errors come out as they are.
    """

    def __init__(self, client: openai.OpenAI, way: Way, patience: Patience) -> None:
        self.client = client.with_options(http_client=httpx2.Client(transport=self), max_retries=0)
        self._way = way
        self._patience = patience
        self._shut = False
        self._socket: socket.socket | None = None
        self._connection: HTTPConnection | None = None
        self._response: HTTPResponse | None = None
        self._deadline: float | None = None
        self._used_at = 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, wait for the headers, leave the body unread."""
        now = monotonic()
        if now - self._used_at > _KEPT_SECONDS:
            self.hang_up()
        self._used_at, self._deadline = now, now + self._patience.first_token
        reused = self._connection is not None
        try:
            response = self._exchange(request)
        except (ConnectionError, ssl.SSLError):
            if not reused or self._shut:
                raise
            self.hang_up()  # upstream had closed the kept connection, as it may
            response = self._exchange(request)
        self._response = response
        return httpx2.Response(response.status, headers=response.getheaders(), stream=_Body(self))

    def read(self) -> bytes:
        """What has come of the body, or comes next; empty at its end."""
        if self._response is None:
            return b""
        self._set_patience()
        piece = self._response.read1(_READ)
        if not piece:
            self._response.close()
        return piece

    def settle(self) -> None:
        """Upstream works: from now on only silence counts."""
        self._deadline = None
        self._wait_at_most(self._patience.idle)

    def finish(self) -> None:
        """Read the little that may follow the terminal event, so that the connection can be kept."""
        self._used_at = monotonic()
        self._deadline = self._used_at + _LAST_BYTES_SECONDS
        with suppress(UpstreamTimeout, *FOREIGN):
            b"".join(iter(self.read, b""))

    def shut(self) -> None:
        """Wake whoever connects, sends or reads here, from any thread. Nothing else can be asked on this line."""
        self._shut = True
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def kept(self) -> bool:
        """Whether another request can follow: the last answer was read to its end and nobody said stop."""
        if self._shut or self._connection is None or self._connection.sock is None:
            return False
        return self._response is not None and self._response.isclosed()

    def hang_up(self) -> None:
        """Close the connection, if there is one; the next request opens another."""
        if self._response:
            self._response.close()
        if self._connection:
            self._connection.close()
        self._connection = self._response = self._socket = None

    def _exchange(self, request: httpx2.Request) -> HTTPResponse:
        connection = self._connection = self._connection or self._connect(request.url)
        if self._shut:
            raise ConnectionAbortedError
        self._set_patience()
        connection.putrequest(request.method, request.url.raw_path.decode(), skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.raw:
            connection.putheader(name.decode("ascii"), value)
        connection.endheaders(request.read())
        return connection.getresponse()

    def _connect(self, url: httpx2.URL) -> HTTPConnection:
        connection = HTTPConnection(url.host, url.port or (443 if self._way.tls else 80))
        connection.auto_open = 0
        try:
            connection.sock = self._socket = self._dial(connection)
        except TimeoutError as error:
            raise UpstreamTimeout(f"no connection to upstream within {self._patience.connect:g} s") from error
        except (OSError, HTTPException, UnicodeError) as error:
            raise UpstreamUnavailable("no connection to upstream", connected=False) from error
        return connection

    def _dial(self, to: HTTPConnection) -> socket.socket:
        """As `socket.create_connection`, but the socket is known while it still connects."""
        hop = (self._way.proxy.host, self._way.proxy.port or 80) if self._way.proxy else (to.host, to.port)
        refusal: Exception = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(*hop, type=socket.SOCK_STREAM):
            self._socket = reached = socket.socket(family, kind, protocol)
            try:
                self._reach(reached, address)
                return self._secured(reached, to)
            except (OSError, HTTPException) as error:
                reached.close()
                refusal = error
        raise refusal

    def _reach(self, reached: socket.socket, address: tuple[str | int, ...] | tuple[int, bytes]) -> None:
        reached.settimeout(self._patience.connect)
        if self._shut:
            raise ConnectionAbortedError
        reached.connect(address)
        reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _secured(self, reached: socket.socket, to: HTTPConnection) -> socket.socket:
        if self._way.proxy:
            _tunnel(reached, self._way.proxy, f"{to.host}:{to.port}")
        return self._way.tls.wrap_socket(reached, server_hostname=to.host) if self._way.tls else reached

    def _set_patience(self) -> None:
        if self._deadline is None:
            return
        left = self._deadline - monotonic()
        if left <= 0:
            raise UpstreamTimeout(f"no first token within {self._patience.first_token:g} s")
        self._wait_at_most(left)

    def _wait_at_most(self, seconds: float) -> None:
        if self._socket:
            self._socket.settimeout(seconds)


def _tunnel(reached: socket.socket, proxy: httpx2.URL, target: str) -> None:
    """Have the proxy connect us to the target: RFC 9110, section 9.3.6."""
    asking = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.userinfo:
        credential = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        asking.append(f"Proxy-Authorization: Basic {credential}")
    reached.sendall("\r\n".join([*asking, "", ""]).encode())
    with HTTPResponse(reached, method="CONNECT") as answer:
        answer.begin()
    if answer.status != HTTPStatus.OK:
        raise ConnectionError(f"the proxy answered {answer.status}")


class _Body(httpx2.SyncByteStream):
    """The rest of an answer; the line, not the response, is what gets closed."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._line.read():
            yield piece
