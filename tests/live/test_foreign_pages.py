"""Pages of other sites, against a service behind each proxy of the examples, with a person who is logged in."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.live.chromium import CHROMIUM, PATIENCE, QUIET
from tests.live.foreign import ADDRESS, FOREIGN, OWN, ask_from
from tests.live.processes import Service, gunicorn, status
from tests.live.proxies import COOKIE, login_example, plain_example
from tests.live.reading import request
from tests.scripted_upstream import ScriptedUpstream

SECRET = "server-secret-0123456789"
PERSONAL = "personal-secret-012345678"
SITE = "site.example"


@pytest.fixture(scope="module")
def served(redis_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with gunicorn(
        tmp_path_factory.mktemp("foreign"),
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_ALLOW_ANONYMOUS="off",
        QA_API_KEYS=f"site:{SECRET},me:{PERSONAL}:personal",
        QA_TRUSTED_PROXIES="1",
        WEB_CONCURRENCY="1",
    ) as found:
        yield found


@pytest.fixture(scope="module")
def logins(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with login_example(served, tmp_path_factory.mktemp("logins"), SECRET) as url:
        yield url


@pytest.fixture(scope="module")
def plain(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with plain_example(served, tmp_path_factory.mktemp("plain")) as url:
        yield url


@pytest.fixture(autouse=True)
def unasked(upstream: ScriptedUpstream) -> None:
    upstream.requests.clear()


class TestLogin:
    @pytest.mark.parametrize(("method", "headers"), FOREIGN)
    def test_is_of_no_use_to_a_foreign_page(
        self, logins: str, upstream: ScriptedUpstream, method: str, headers: dict[str, str]
    ) -> None:
        assert ask_from(logins, method, headers, Cookie=COOKIE) == 403
        assert not upstream.requests

    @pytest.mark.parametrize(("method", "headers"), OWN)
    def test_is_good_for_the_sites_own_pages(self, logins: str, method: str, headers: dict[str, str]) -> None:
        assert ask_from(logins, method, headers, Cookie=COOKIE, **{"Content-Type": "application/json"}) in (200, 415)

    @pytest.mark.parametrize("path", ["/api//ask", "/api/ask/", "/api/./ask", "/api/%61sk", "//api/ask"])
    def test_is_of_no_use_under_another_spelling_of_the_address(
        self, logins: str, upstream: ScriptedUpstream, path: str
    ) -> None:
        assert request(logins, f"{path}?question=hi", headers={"Cookie": COOKIE})[0] in (403, 404)
        assert not upstream.requests

    def test_is_of_no_use_where_it_is_a_password_that_the_browser_sends(
        self, logins: str, upstream: ScriptedUpstream
    ) -> None:
        """The site knows the person by either."""
        for known, expected in (("Basic YW5uOg==", 403), ("Bearer of-an-app", 401), ("", 401)):
            said = {"Authorization": known} if known else {}
            assert status(f"{logins}{ADDRESS}&stream=false", **said) == expected, known
        assert not upstream.requests

    def test_is_still_looked_at_by_the_service_where_a_proxy_does_not(
        self, served: Service, upstream: ScriptedUpstream
    ) -> None:
        """Some proxies add the site's key and compare nothing."""
        added = {"Authorization": f"Bearer {SECRET}", "X-User-Id": "ann"}
        for method, headers in FOREIGN:
            assert ask_from(served.url, method, headers, Cookie=COOKIE, **added) == 403, headers
        assert not upstream.requests


class TestPlain:
    @pytest.mark.parametrize(("method", "headers"), FOREIGN)
    def test_proxy_lets_no_foreign_page_ask(
        self, plain: str, upstream: ScriptedUpstream, method: str, headers: dict[str, str]
    ) -> None:
        assert ask_from(plain, method, headers, Cookie=COOKIE) in (401, 403)
        assert ask_from(plain, method, headers, Cookie=COOKIE, Authorization=f"Bearer {PERSONAL}") == 403
        assert not upstream.requests


class Evil(BaseHTTPRequestHandler):
    """An `Evil` is a page that makes whoever opens it ask: by a form that sends itself, or by an image."""

    target = ""

    def do_GET(self) -> None:
        form = (
            f'<form method="post" action="{self.target}/api/ask" enctype="multipart/form-data">'
            '<input name="question" value="hi"></form><script>document.forms[0].submit()</script>'
        )
        image = f'<img src="{self.target}{ADDRESS}" onerror="document.title = \'tried\'">'
        page = (form if self.path == "/form" else image).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    names = "--host-resolver-rules=MAP *.example 127.0.0.1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, names])
        yield running
        running.close()


@pytest.fixture
def evil(logins: str) -> Iterator[str]:
    """It has the site's name, and another port: browsers send the site's cookie along."""
    Evil.target = f"http://{SITE}:{urlsplit(logins).port}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{SITE}:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("trick", ["form", "image"])
def test_in_chromium_over_plain_http_a_foreign_page_asks_nothing(
    browser: Browser, logins: str, evil: str, upstream: ScriptedUpstream, trick: str
) -> None:
    page = browser.new_page()
    page.goto(f"{Evil.target}/")
    with page.expect_request(lambda sent: "/api/ask" in sent.url, timeout=PATIENCE) as tried:
        page.goto(f"{evil}/{trick}")
    page.wait_for_load_state("load")  # which it is when the form or the image has its answer
    cookies = [f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies(f"{Evil.target}/api/ask")]
    said = tried.value.headers
    page.close()

    assert cookies == [COOKIE]
    assert "sec-fetch-site" not in said
    assert not upstream.requests
