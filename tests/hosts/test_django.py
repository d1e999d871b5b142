"""The Django site of the examples, installed and started as its page says."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import KEY, Host, HostContract
from tests.hosts.login_host import OpenedSources
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands, log_in
from tests.hosts.tapped import Tapped
from tests.live.processes import free_port, listening
from tests.scripted_upstream import ScriptedUpstream

PAGE = EXAMPLES / "django/README.md"
PORT = "9000"
INSTALL, SERVICE, ASK = commands(PAGE)[:4], commands(PAGE)[4], commands(PAGE)[5:]
INSTALL_SECONDS = 60


@pytest.fixture(scope="module")
def host(tapped: Tapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The site is made by the commands of the page's first block, in a copy of the example's folder."""
    folder, port = tmp_path_factory.mktemp("django") / "site", free_port()
    copytree(EXAMPLES / "django", folder)
    assert "QA_API_KEYS=site:$QA_KEY" in SERVICE
    *before, start = INSTALL
    lines = [line.replace("QA_KEY=$(openssl rand -hex 16)", f"QA_KEY={KEY}") for line in before]
    lines.append(f"exec {start.replace(PORT, str(port))}")
    env = {"QA_URL": f"{tapped.url}/api", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = ["bash", "-ec", "\n".join(lines)]
    with listening(command, port, cwd=folder, log=folder / "log", env=env, seconds=INSTALL_SECONDS):
        url = f"http://127.0.0.1:{port}"
        yield Host(url, "/help/api", headers=log_in(url, "ann"))


class TestSite(OpenedSources, HostContract, LoginAttacks):
    def test_page_has_the_element_and_its_script(self, host: Host) -> None:
        connection = host.connect()
        connection.request("GET", "/")
        assert b"<qa-chat" in connection.getresponse().read()
        connection.request("GET", "/help/api/chat.js")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        connection.close()

    def test_a_refusal_of_the_site_has_the_form_of_the_services_and_speaks_the_persons_language(
        self, host: Host
    ) -> None:
        status, problem = host.with_headers({"Accept-Language": "ko-KR"}).call("/sessions")
        assert (status, problem["code"], problem["retryable"]) == (401, "unauthenticated", False)
        assert "로그인" in problem["userMessage"]
        assert host.call("/tokens", "POST")[1]["userMessage"] == "There is nothing here."

    def test_a_service_that_is_away_is_said_so(self, host: Host, tapped: Tapped) -> None:
        tapped.pull()
        try:
            status, problem = host.call("/config")
        finally:
            tapped.plug()
        assert (status, problem["code"], problem["retryable"]) == (502, "upstream_unavailable", True)

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        assert ask_as_shown(ASK, {f"http://127.0.0.1:{PORT}": host.url}, tmp_path) == "completed"
