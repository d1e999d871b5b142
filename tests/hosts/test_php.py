"""The service in a site of PHP: under PHP's own server, and under PHP-FPM behind nginx."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.attacks import LoginAttacks
from tests.hosts.host import KEY, Host, HostContract
from tests.hosts.login_host import USER, LoginHostContract, StreamedUploads
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands, log_in
from tests.hosts.php_site import located, php_site
from tests.hosts.tapped import Tapped
from tests.live.processes import free_port, listening
from tests.scripted_upstream import ScriptedUpstream

PAGE = EXAMPLES / "php/README.md"
PORT = "3000"
SITE, SERVICE, ASK = commands(PAGE)[:2], commands(PAGE)[2], commands(PAGE)[3:]
LOCATION = """location / {
    include fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $document_root/index.php;
    fastcgi_pass unix:/run/php/php-fpm.sock;
}"""
PREFIX = "/qa/index.php/api"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's site is in `site`. PHP-FPM doesn't run as root, and finds it, too."""
    made = tmp_path_factory.mktemp("php")
    shutil.copytree(EXAMPLES / "php", made / "site")
    return made


@contextmanager
def managed(folder: Path, tapped: Tapped, *, streams: bool = False) -> Iterator[str]:
    """Give the site under PHP-FPM and nginx, as its page says. With `streams` the questions have a pool that takes no
    form apart."""
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    questions = located(found[1], folder, "unparsed" if streams else "site")
    if streams:
        questions = questions.replace("80m;", "80m; fastcgi_request_buffering off;")
    with php_site(folder, settings(tapped), questions + located(LOCATION, folder, "site")) as url:
        yield url


def settings(tapped: Tapped) -> dict[str, str]:
    return {"QA_URL": f"{tapped.url}/api", "QA_KEY": KEY}


class TestOwnServer(HostContract, LoginAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, folder: Path) -> Iterator[Host]:
        port = free_port()
        assert "QA_API_KEYS=site:$QA_KEY" in SERVICE
        command = ["bash", "-ec", f"{SITE[1].replace(PORT, str(port))}"]
        with listening(command, port, cwd=folder / "site", log=folder / "log", env=settings(tapped)):
            url = f"http://127.0.0.1:{port}"
            yield Host(url, PREFIX, log_in(url, USER, "/"), file_field="files[]")

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        assert ask_as_shown(ASK, {f"http://127.0.0.1:{PORT}": host.url}, tmp_path) == "completed"


class TestProcessManager(LoginHostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, folder: Path) -> Iterator[Host]:
        with managed(folder, tapped) as url:
            yield Host(url, PREFIX, log_in(url, USER, "/"), file_field="files[]")

    def test_file_that_php_drops_is_refused(self, host: Host) -> None:
        with host.ask(files={"larger.bin": b"\0" * (17 << 20)}) as asked:
            assert asked.response.status == 413
            assert asked.problem()["code"] == "too_large"

    def test_form_in_which_no_file_was_chosen_asks(self, host: Host) -> None:
        with host.ask(files={"": b""}) as asked:
            assert asked.finish().status == "completed"

    def test_question_that_php_drops_is_refused(self, host: Host) -> None:
        with host.ask(files={f"{n}.bin": b"\0" * (14 << 20) for n in range(5)}) as asked:
            assert asked.response.status == 413
            assert asked.problem()["code"] == "too_large"


class TestUnparsed(StreamedUploads, HostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, folder: Path) -> Iterator[Host]:
        with managed(folder, tapped, streams=True) as url:
            yield Host(url, PREFIX, log_in(url, USER, "/"))
