"""The Flask site of the examples, started as its page says, with as many workers as eight cores would give it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest
from playwright.sync_api import expect

from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import HEARTBEAT, Host, HostContract
from tests.hosts.login_host import OpenedSources
from tests.hosts.nginx_hops import outer
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands, log_in
from tests.live.chromium import ANSWERED, PATIENCE, chromium
from tests.live.processes import BIN, SECRET, Service, clean_environment, free_port, service
from tests.scripted_upstream import KOREAN, ScriptedUpstream

PAGE = EXAMPLES / "flask/README.md"
WORKERS = 8
PORT = "8000"
START = 3
"""This many commands of the page start the site, and the others ask it."""


@contextmanager
def flask_site(folder: Path, upstream: ScriptedUpstream, **settings: str) -> Iterator[Service]:
    """Give the site, started by the commands of the page's first block, in a copy of the example's folder."""
    port = free_port()
    copytree(EXAMPLES / "flask", folder)
    *exports, start = commands(PAGE)[:START]
    line = " && ".join([*exports, f"exec env {start.replace(PORT, str(port))}"])
    usual = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": upstream.url,
        "QA_SECRET": SECRET,
        "QA_HEARTBEAT_SECONDS": str(HEARTBEAT),
        "PATH": f"{BIN}:/usr/bin:/bin",
    }
    with service(["bash", "-c", line], folder, port, health="/help/api/healthz", **usual, **settings) as found:
        yield found


@pytest.fixture(scope="module")
def site(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give the site with a worker for each of eight cores."""
    with flask_site(tmp_path_factory.mktemp("flask") / "site", upstream, WEB_CONCURRENCY=str(WORKERS)) as found:
        found.until_workers(WORKERS)
        yield found


@pytest.fixture(scope="module")
def host(site: Service) -> Host:
    return Host(site.url, "/help/api", headers=log_in(site.url, "ann"))


class TestSite(OpenedSources, HostContract, LoginAttacks):
    def test_every_worker_knows_who_has_logged_in_at_one_of_them(self, host: Host, site: Service) -> None:
        found = {}
        for pid, connection in site.connections("/help/api/healthz").items():
            connection.request("GET", "/help/api/config", headers=dict(host.headers))
            found[pid] = connection.getresponse().status
            connection.close()
        assert found == dict.fromkeys(site.workers(), 200)
        assert len(found) == WORKERS

    def test_person_logs_in_and_asks_on_the_page(self, site: Service, model: ScriptedUpstream) -> None:
        with chromium() as browser:
            page = browser.new_page()
            page.goto(f"{site.url}/")
            page.get_by_label("Name").fill("ann")
            page.get_by_role("button").click()
            page.get_by_role("link").click()
            page.locator("#question").fill("hello?")
            page.locator("#question").press("Enter")
            expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
            expect(page.locator(".prose")).to_contain_text(KOREAN[:20])

    def test_commands_of_the_page_ask(self, site: Service, model: ScriptedUpstream, tmp_path: Path) -> None:
        asked = ask_as_shown(commands(PAGE)[START:], {f"http://127.0.0.1:{PORT}": site.url}, tmp_path)
        assert asked == "completed"


class TestBehindNginx(LoginAttacks):
    """nginx speaks TLS, so that the site knows its own address by what nginx says alone."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("behind")
        with (
            flask_site(folder / "site", upstream, WEB_CONCURRENCY="1", SITE_PROXIES="1") as found,
            outer(folder, found.port) as before,
        ):
            # The site's own port takes the login, too: its cookie is the same.
            yield Host(before.url, "/help/api", log_in(found.url, "ann"), before.trusts)


def test_site_says_what_it_needs_where_its_secret_is_missing(tmp_path: Path) -> None:
    command = [BIN / "flask", "--app", EXAMPLES / "flask/flask_site.py", "routes"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=clean_environment({"SITE_SECRET": ""}), capture_output=True, timeout=30
    )
    assert b"SITE_SECRET" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_server_says_once_what_the_site_needs_and_ends(tmp_path: Path) -> None:
    env = clean_environment({"SITE_SECRET": "", "PORT": str(free_port()), "WEB_CONCURRENCY": "1"})
    command = [BIN / "gunicorn", "flask_site:app"]
    ended = subprocess.run(
        command, cwd=copytree(PAGE.parent, tmp_path / "site"), env=env, capture_output=True, timeout=30
    )
    assert ended.returncode != 0
    assert ended.stderr.count(b"Set SITE_SECRET") == 1
    assert b"Traceback" not in ended.stderr
