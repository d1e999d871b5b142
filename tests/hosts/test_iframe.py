"""The page of the service in a frame of a site that runs no scripts, as the example's page says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.hosts.pages import EXAMPLES, changed, commands
from tests.live.chromium import ANSWERED, PATIENCE
from tests.live.processes import BIN, Service, free_port, listening, service

SERVE, SITE = commands(EXAMPLES / "iframe/README.md")
PORT, SITE_PORT = "8000", "9000"
SNIPPET = re.compile(r"<iframe.*</iframe>")


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """Return the ports of the site that the service names, and of another one."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def framed(ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, port = tmp_path_factory.mktemp("framed"), free_port()
    line = SERVE.replace(PORT, str(port)).replace(SITE_PORT, str(ports[0]))
    with service(["bash", "-c", f"exec env {line}"], folder, port, PATH=f"{BIN}:/usr/bin:/bin") as found:
        yield found


@contextmanager
def site(folder: Path, port: int, framed: Service) -> Iterator[str]:
    page = changed(EXAMPLES / "iframe/index.html", {f"127.0.0.1:{PORT}": f"127.0.0.1:{framed.port}"})
    (folder / "index.html").write_text(page)
    command = ["bash", "-c", f"exec {SITE.replace(SITE_PORT, str(port))}"]
    with listening(command, port, cwd=folder, log=folder / "log"):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    found = browser.new_page()
    yield found
    found.close()


def test_visitor_asks_in_the_frame(page: Page, framed: Service, ports: tuple[int, int], tmp_path: Path) -> None:
    with site(tmp_path, ports[0], framed) as url:
        page.goto(url)
        frame = page.frame_locator("iframe")
        frame.locator("#question").fill("hello?")
        frame.locator("#question").press("Enter")
        expect(frame.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        expect(frame.locator(".prose")).not_to_be_empty()


def test_frame_may_listen_to_a_spoken_question(
    page: Page, framed: Service, ports: tuple[int, int], tmp_path: Path
) -> None:
    with site(tmp_path, ports[0], framed) as url:
        page.goto(url)
        found = page.frame_locator("iframe").locator("html")
        assert found.evaluate("() => document.featurePolicy.allowsFeature('microphone')")


def test_site_that_is_not_named_shows_nothing(
    page: Page, framed: Service, ports: tuple[int, int], tmp_path: Path
) -> None:
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    with site(tmp_path, ports[1], framed) as url:
        page.goto(url, wait_until="load")
        expect(page.frame_locator("iframe").locator("#question")).to_have_count(0)
    assert any("frame-ancestors" in line for line in refused)


def test_page_shows_the_line_that_the_example_has() -> None:
    lines = [SNIPPET.findall((EXAMPLES / "iframe" / name).read_text()) for name in ("index.html", "README.md")]
    assert lines[0] == lines[1] != []
