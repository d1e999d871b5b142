"""The way to upstream: its address, TLS, the system's proxy, and a socket that is connected along it."""

import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2
from msgspec import Struct

from qa_service.upstream.reply import Reply

_READ = 4096
_LEAST_SECONDS = 0.1
"""For each further address of a name, when the first ones have used up all patience."""


class Way(Struct, frozen=True):
    """How upstream is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    """None where it speaks plain HTTP."""
    proxy: httpx2.URL | None = None
    """One that speaks plain HTTP itself, and is asked for a tunnel."""

    def dial(self, seconds: float, hold: Callable[[socket.socket], None]) -> socket.socket:
        """As `socket.create_connection`, but `hold` is given each socket before it connects. Raises `OSError`, also
        for a proxy that refuses, `ValueError` for a name that is none."""
        hop = (self.proxy.host, self.proxy.port or 80) if self.proxy else (self.host, self.port)
        refusal: Exception = OSError("the name has no address")
        until = monotonic() + seconds
        for family, kind, protocol, _, address in _addresses(*hop, seconds):
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
        if self.proxy:
            _tunnel(reached, self.proxy, f"{self.host}:{self.port}")
        if self.tls is None:
            return reached
        secured = self.tls.wrap_socket(reached, server_hostname=self.host, do_handshake_on_connect=False)
        hold(secured)
        secured.do_handshake()
        return secured


def way_to(url: httpx2.URL) -> Way:
    """TLS as the SDK has it, and the proxy that the system names, as for the SDK; plain HTTP never takes one."""
    if url.scheme != "https":
        return Way(url.host, url.port or 80)
    proxy = "" if proxy_bypass(url.host) else getproxies().get("https", "")
    return Way(url.host, url.port or 443, httpx2.create_ssl_context(), httpx2.URL(proxy) if proxy else None)


def _addresses(host: str, port: int, seconds: float) -> list[Any]:
    """As `socket.getaddrinfo`, which knows no time-out: a name server that is silent holds it for half a minute."""
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    threading.Thread(target=look_up, name="upstream-name", daemon=True).start()
    return found.result(seconds)


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
    if answer.status != HTTPStatus.OK:
        raise ConnectionError(f"the proxy answered {answer.status}")
