"""This module has the two nginx of the examples: the one that visitors reach, with TLS and HTTP/2, and the one behind
it."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.host import Host
from tests.hosts.pages import EXAMPLES, certificate, changed
from tests.live.processes import free_port
from tests.live.proxies import nginx


@contextmanager
def outer(folder: Path, backend: int) -> Iterator[Host]:
    """Give the nginx that visitors reach, before whatever listens at `backend`."""
    port = free_port()
    here = {
        "listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
        "/etc/ssl/site.pem": str(certificate(folder)),
        "/etc/ssl/site.key": str(folder / "site.key"),
        "qa:8000": f"127.0.0.1:{backend}",
        "/var/log/nginx/": f"{folder}/",
    }
    with nginx(folder, changed(EXAMPLES / "nginx/outer.conf", here), port):
        trusts = ssl.create_default_context(cafile=str(folder / "site.pem"))
        yield Host(f"https://127.0.0.1:{port}", trusts=trusts)


@contextmanager
def inner(folder: Path, backend: int, changes: Mapping[str, str] | None = None) -> Iterator[int]:
    """Give the nginx behind it, with other lines where `changes` says so."""
    port = free_port()
    here = {"listen 80": f"listen 127.0.0.1:{port}", "qa:8000": f"127.0.0.1:{backend}", "/var/log/nginx/": f"{folder}/"}
    with nginx(folder, changed(EXAMPLES / "nginx/inner.conf", {**here, **(changes or {})}), port):
        yield port
