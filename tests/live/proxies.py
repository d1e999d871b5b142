"""This module has a real nginx in front of a service, with the project's example configurations or with one of a test's
own."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.live.processes import ROOT, Service, free_port, listening, program

KEY_OF_THE_EXAMPLE = "change-me-change-me"
COOKIE = "login=ann"
NOBODY = "login=nobody"
"""With this cookie the site of the tests answers as it does to who is logged in, and names nobody."""


@contextmanager
def nginx(folder: Path, server: str, port: int, main: str = "") -> Iterator[str]:
    """Give nginx with one server. Everything that it writes is in `folder`."""
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    # nginx's workers give up root's rights, and then they couldn't write what a visitor sends into this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; {main}\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{server}\n}}\n"
    )
    folder.chmod(0o755)
    command = [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(configuration)]
    with listening(command, port, cwd=folder, log=folder / "log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def plain_example(served: Service, folder: Path) -> Iterator[str]:
    """Give the example for browsers and phones, listening on this machine."""
    with _example("nginx.conf", served, folder, {}) as url:
        yield url


@contextmanager
def login_example(served: Service, folder: Path, key: str) -> Iterator[str]:
    """Give the example for a site that has logins, and that site: whoever has its cookie is ann."""
    with login_site() as port:
        changes = {KEY_OF_THE_EXAMPLE: key, "site:5000": f"127.0.0.1:{port}"}
        with _example("nginx-login.conf", served, folder, changes) as url:
            yield url


@contextmanager
def login_site() -> Iterator[int]:
    """Give the port of a site with a login: whoever has its cookie is ann."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site.server_port
        site.shutdown()


@contextmanager
def _example(name: str, served: Service, folder: Path, changes: dict[str, str]) -> Iterator[str]:
    port = free_port()
    server = (ROOT / "examples" / name).read_text()
    changes = {
        "listen 80;": f"listen 127.0.0.1:{port};",
        "qa:8000": f"127.0.0.1:{served.port}",
        "/var/log/nginx/": f"{folder}/",
        **changes,
    }
    for said, here in changes.items():
        assert said in server
        server = server.replace(said, here)
    with nginx(folder, server, port) as url:
        yield url


class Site(BaseHTTPRequestHandler):
    """A `Site` is a site with a login, which is a cookie. Its page sets the cookie and has nothing else."""

    def do_GET(self) -> None:
        known = COOKIE in self.headers.get("Cookie", "")
        is_let_in = known or NOBODY in self.headers.get("Cookie", "") or self.path != "/who-is-there"
        self.send_response(200 if is_let_in else 401)
        self.send_header("X-User-Id", "ann" if known else "")
        self.send_header("Set-Cookie", f"{COOKIE}; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
