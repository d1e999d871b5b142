"""The Django site of the examples, installed and started as its page says."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import KEY, Host, HostContract
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands, log_in
from tests.live.processes import Service, free_port, listens, running, until
from tests.scripted_upstream import ScriptedUpstream

PAGE = EXAMPLES / "django/README.md"
PORT = "9000"
INSTALL, SERVICE, ASK = commands(PAGE)[:4], commands(PAGE)[4], commands(PAGE)[5:]
INSTALL_SECONDS = 60


@pytest.fixture(scope="module")
def host(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The site is made by the commands of the page's first block, in a copy of the example's folder."""
    folder, port = tmp_path_factory.mktemp("django") / "site", free_port()
    copytree(EXAMPLES / "django", folder)
    assert "QA_API_KEYS=site:$QA_KEY" in SERVICE
    *before, start = INSTALL
    lines = [line.replace("QA_KEY=$(openssl rand -hex 16)", f"QA_KEY={KEY}") for line in before]
    lines.append(f"exec {start.replace(PORT, str(port))}")
    env = {"QA_URL": f"{served.url}/api", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with running(["bash", "-ec", "\n".join(lines)], cwd=folder, log=folder / "log", env=env) as process:
        until(lambda: process.poll() is not None or listens(port), INSTALL_SECONDS, "the site listens")
        assert process.poll() is None, (folder / "log").read_text()
        url = f"http://127.0.0.1:{port}"
        yield Host(url, "/help/api", headers=log_in(url, "ann"))


class TestSite(HostContract, LoginAttacks):
    def test_page_has_the_element_and_its_script(self, host: Host) -> None:
        connection = host.connect()
        connection.request("GET", "/")
        assert b"<qa-chat" in connection.getresponse().read()
        connection.request("GET", "/help/api/chat.js")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        connection.close()

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        assert ask_as_shown(ASK, {f"http://127.0.0.1:{PORT}": host.url}, tmp_path) == "completed"
