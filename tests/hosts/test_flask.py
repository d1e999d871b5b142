"""The Flask site of the examples, started as its page says, with as many workers as eight cores would give it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.documents import pdf
from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import HEARTBEAT, PAGES, Host, HostContract
from tests.hosts.pages import EXAMPLES, commands, log_in
from tests.live.processes import BIN, SECRET, Service, clean_environment, free_port, service
from tests.scripted_upstream import ScriptedUpstream

PAGE = EXAMPLES / "flask/README.md"
WORKERS = 8
PORT = "8000"
START = 3
"""So many commands of the page start the site, and the others ask it."""


@pytest.fixture(scope="module")
def site(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """It is started by the commands of the page's first block, in a copy of the example's folder."""
    folder, port = tmp_path_factory.mktemp("flask") / "site", free_port()
    copytree(EXAMPLES / "flask", folder)
    *exports, start = commands(PAGE)[:START]
    line = " && ".join([*exports, f"exec env {start.replace(PORT, str(port))}"])
    with service(
        ["bash", "-c", line],
        folder,
        port,
        health="/help/api/healthz",
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=upstream.url,
        QA_SECRET=SECRET,
        QA_HEARTBEAT_SECONDS=str(HEARTBEAT),
        WEB_CONCURRENCY=str(WORKERS),
        PATH=f"{BIN}:/usr/bin:/bin",
    ) as found:
        found.until_workers(WORKERS)
        yield found


@pytest.fixture(scope="module")
def host(site: Service) -> Host:
    return Host(site.url, "/help/api", headers=log_in(site.url, "ann"))


class TestSite(HostContract, LoginAttacks):
    def test_every_worker_knows_who_has_logged_in_at_one_of_them(self, host: Host, site: Service) -> None:
        found = {}
        for pid, connection in site.connections("/help/api/healthz").items():
            connection.request("GET", "/help/api/config", headers=dict(host.headers))
            found[pid] = connection.getresponse().status
            connection.close()
        assert found == dict.fromkeys(site.workers(), 200)
        assert len(found) == WORKERS

    def test_page_is_the_element(self, host: Host) -> None:
        connection = host.connect()
        connection.request("GET", "/help", headers=dict(host.headers))
        page = connection.getresponse().read().decode()
        script = re.search(r'src="([^"]+)"', page)
        assert "<qa-chat" in page
        assert script
        connection.request("GET", script[1])
        assert connection.getresponse().status == 200
        connection.close()

    def test_commands_of_the_page_ask(self, site: Service, model: ScriptedUpstream, tmp_path: Path) -> None:
        (tmp_path / "manual.pdf").write_bytes(pdf(PAGES))
        lines = [line.replace(f":{PORT}", f":{site.port}") for line in commands(PAGE)[START:]]
        ended = subprocess.run(
            ["bash", "-ec", "\n".join(lines)], cwd=tmp_path, env=clean_environment({}), capture_output=True, timeout=30
        )
        assert b'"status":"completed"' in ended.stdout.splitlines()[-2]


def test_site_says_what_it_needs_where_its_secret_is_missing(tmp_path: Path) -> None:
    command = [BIN / "flask", "--app", EXAMPLES / "flask/flask_site.py", "routes"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=clean_environment({"SITE_SECRET": ""}), capture_output=True, timeout=30
    )
    assert b"SITE_SECRET" in ended.stderr
    assert b"Traceback" not in ended.stderr
