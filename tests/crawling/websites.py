"""This module has a website on this machine for tests: a real HTTP server whose pages a test sets, changes and
removes."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class WebPage:
    """A `WebPage` is what the server answers for one path. `answer` may write anything else to the connection
    itself."""

    content: bytes = b""
    type: str = HTML
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None


def html(body: str, head: str = "") -> WebPage:
    """Return a page with this body."""
    return WebPage(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode())


def links(*paths: str) -> WebPage:
    """Return a page that links to these addresses."""
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths))


def moved(target: str, status: int = 302) -> WebPage:
    """Return a redirect."""
    return WebPage(status=status, headers={"Location": target})


def packed(page: WebPage) -> WebPage:
    """Return the same page, packed with gzip."""
    return WebPage(gzip.compress(page.content), page.type, page.status, {**page.headers, "Content-Encoding": "gzip"})


def sitemap(*addresses: str) -> WebPage:
    """Return a sitemap of these addresses."""
    entries = "".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    return WebPage(
        f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode(),
        "application/xml",
    )


class Website:
    """This is a website. `pages` maps a path with its query to what is answered; all else is a 404. With `etags`
    the server tells each page's version, and answers 304 to who has it."""

    def __init__(self, pages: Mapping[str, WebPage] | None = None, *, etags: bool = False) -> None:
        self.pages = dict(pages or {})
        self.etags = etags
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.answered: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return the site's address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def paths(self) -> list[str]:
        """Return the paths that were asked for, in their order."""
        return [path for path, _ in self.asked]

    def forget(self) -> None:
        """Forget what was asked so far."""
        self.asked.clear()
        self.answered.clear()

    def _handler(site) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers)))
                page = site.pages.get(self.path, WebPage(b"<h1>Not found</h1>", status=404))
                if page.answer:
                    page.answer(self)
                    return
                etag = f'"{hashlib.md5(page.content).hexdigest()}"'
                is_known = site.etags and page.status == 200 and self.headers.get("If-None-Match") == etag
                status = 304 if is_known else page.status
                site.answered.append(status)
                self.send_response(status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                if site.etags and page.status == 200:
                    self.send_header("ETag", etag)
                if status != 304:
                    self.send_header("Content-Type", page.type)
                    self.send_header("Content-Length", str(len(page.content)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(page.content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
