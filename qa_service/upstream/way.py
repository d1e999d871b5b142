"""The way to upstream: its address, TLS, the system's proxy, and a socket that is connected along it."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

import httpx2

from qa_service.settings import SettingsError, upstream_proxy
from qa_service.upstream.name import Name
from qa_service.upstream.reply import Reply

_READ = 4096
_LEAST_SECONDS = 0.1
"""For each further address of a name, when the first ones have used up all patience."""


class Way:
    """How upstream is reached; without `tls` it speaks plain HTTP. `proxy` speaks plain HTTP itself, and is asked for a
    tunnel."""

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, proxy: httpx2.URL | None = None
    ) -> None:
        self._host = host
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._tls = tls
        self._proxy = proxy
        self._name = Name(proxy.host, proxy.port or 80) if proxy else Name(host, port)

    def dial(self, seconds: float, hold: Callable[[socket.socket], None]) -> socket.socket:
        """As `socket.create_connection`, but `hold` is given each socket before it connects. Raises `OSError`, also
        for a proxy that refuses, `UnicodeError` for a name that is none."""
        refusal: Exception = OSError("the name has no address")
        until = monotonic() + seconds
        for family, kind, protocol, _, address in self._name.addresses(seconds):
            reached = socket.socket(family, kind, protocol)
            try:
                reached.settimeout(max(_LEAST_SECONDS, until - monotonic()))
                hold(reached)
                reached.connect(address)
                reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._secured(reached, hold)
            except OSError as error:
                reached.close()
                refusal = error
        raise refusal

    def _secured(self, reached: socket.socket, hold: Callable[[socket.socket], None]) -> socket.socket:
        if self._proxy:
            _tunnel(reached, self._proxy, self._target)
        if self._tls is None:
            return reached
        secured = self._tls.wrap_socket(reached, server_hostname=self._host, do_handshake_on_connect=False)
        hold(secured)
        secured.do_handshake()
        return secured


def way_to(url: httpx2.URL) -> Way:
    """TLS as the SDK has it, and the proxy that the system names; plain HTTP takes none. Raises `SettingsError` for
    a proxy that isn't spoken to in plain HTTP."""
    host = url.raw_host.decode("ascii")
    if url.scheme != "https":
        return Way(host, url.port or 80)
    proxy = upstream_proxy(host)
    return Way(host, url.port or 443, tls=_tls(), proxy=httpx2.URL(proxy) if proxy else None)


def _tls() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except OSError:
        raise SettingsError("SSL_CERT_FILE, SSL_CERT_DIR: expected certificates that can be read") from None


def _tunnel(reached: socket.socket, proxy: httpx2.URL, target: str) -> None:
    """Have the proxy connect us to the target: RFC 9110, section 9.3.6."""
    asking = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.userinfo:
        credential = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        asking.append(f"Proxy-Authorization: Basic {credential}")
    reached.sendall("\r\n".join([*asking, "", ""]).encode())
    answer = Reply()
    while not answer.headed:
        answer.feed(reached.recv(_READ))
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise ConnectionError(f"the proxy answered {answer.status}")
