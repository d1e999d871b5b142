"""This module knows the way to upstream, which is its address, TLS and the system's proxy, and connects a socket."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

import httpx2

from qa_service.settings import SettingsError
from qa_service.system_variables import upstream_proxy
from qa_service.upstream.addresses import HostAddresses
from qa_service.upstream.reply import Reply

_READ = 4096
_LEAST_SECONDS = 0.1
"""Each further address of a name gets this many seconds when the first ones have used up the whole time."""


class Way:
    """A `Way` says how upstream is reached. Without `tls` it is plain HTTP. With `proxy` it is a tunnel, for which the
    proxy is asked in plain HTTP."""

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, proxy: httpx2.URL | None = None
    ) -> None:
        self._host = host
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._tls = tls
        self._proxy = proxy
        self._addresses = HostAddresses(proxy.host, proxy.port or 80) if proxy else HostAddresses(host, port)

    def dial(self, seconds: float, hold: Callable[[socket.socket], None]) -> socket.socket:
        """Connect as `socket.create_connection` does, and secure the connection. `hold` gets each socket before it
        connects, so that another thread can shut it.

        Raises `OSError`, also for a proxy that refuses, `HttpParserError` for a proxy that doesn't speak HTTP, and
        `UnicodeError` for a text that can't be a name.
        """
        refusal: Exception = OSError("the name has no address")
        until = monotonic() + seconds
        for family, kind, protocol, _, address in self._addresses.look_up_addresses(seconds):
            reached = socket.socket(family, kind, protocol)
            try:
                reached.settimeout(max(_LEAST_SECONDS, until - monotonic()))
                hold(reached)
                reached.connect(address)
                reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._secure_socket(reached, hold)
            except OSError as error:
                reached.close()
                refusal = error
        raise refusal

    def _secure_socket(self, reached: socket.socket, hold: Callable[[socket.socket], None]) -> socket.socket:
        if self._proxy:
            _open_tunnel(reached, self._proxy, self._target)
        if self._tls is None:
            return reached
        secured = self._tls.wrap_socket(reached, server_hostname=self._host, do_handshake_on_connect=False)
        hold(secured)
        secured.do_handshake()
        return secured


def way_to(url: httpx2.URL) -> Way:
    """Find the way to an address: TLS as the SDK has it, and the proxy that the system names. Plain HTTP uses no proxy.

    Raises `SettingsError` for a proxy that isn't spoken to in plain HTTP, and for certificates that can't be read.
    """
    host = url.raw_host.decode("ascii")
    if url.scheme != "https":
        return Way(host, url.port or 80)
    proxy = upstream_proxy(host)
    return Way(host, url.port or 443, tls=_tls_context(), proxy=httpx2.URL(proxy) if proxy else None)


def _tls_context() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except OSError:
        raise SettingsError("SSL_CERT_FILE, SSL_CERT_DIR: expected certificates that can be read") from None


def _open_tunnel(reached: socket.socket, proxy: httpx2.URL, target: str) -> None:
    """Ask the proxy to connect us to the target, as RFC 9110, section 9.3.6, says."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.userinfo:
        credential = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credential}")
    reached.sendall("\r\n".join([*lines, "", ""]).encode())
    reply = Reply()
    while not reply.has_head:
        reply.feed_bytes(reached.recv(_READ))
    if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise ConnectionError(f"the proxy answered {reply.status}")
