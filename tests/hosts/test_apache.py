"""The service behind Apache, which is set up by the commands of the example's page, with all that Debian enables."""

import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from shutil import copytree

import pytest

from tests.hosts.attacks import ADDRESSES, LoginAttacks, TokenAttacks
from tests.hosts.host import KEY, PERSONAL, Host, HostContract
from tests.hosts.pages import EXAMPLES, ask_as_shown, changed, commands
from tests.live.processes import Service, clean_environment, free_port, listening, program
from tests.live.proxies import KEY_OF_THE_EXAMPLE
from tests.live.reading import request
from tests.scripted_upstream import ScriptedUpstream

DEBIAN = Path("/etc/apache2")
COMMANDS = commands(EXAMPLES / "apache/README.md")
BEGIN = "a2enmod proxy_http headers setenvif"
SET_UP = COMMANDS[COMMANDS.index(BEGIN) : -2]


@contextmanager
def apache(folder: Path, served: Service, name: str = "qa.conf", **changes: str) -> Iterator[str]:
    """Give Apache with a copy of Debian's configuration, in which the page's commands have set up a file of the
    example."""
    program("apache2")
    port, etc = free_port(), folder / "etc"
    copytree(DEBIAN, etc, symlinks=True)
    (etc / "ports.conf").write_text(f"Listen 127.0.0.1:{port}\nServerName localhost\nMutex fcntl:{folder}\n")
    here = {"*:80": f"127.0.0.1:{port}", "127.0.0.1:8000": f"127.0.0.1:{served.port}", **changes}
    (folder / "qa.conf").write_text(changed(EXAMPLES / "apache" / name, here))
    places = ("APACHE_PID_FILE", "APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR")
    (etc / "envvars").write_text(
        "export APACHE_RUN_USER=www-data APACHE_RUN_GROUP=www-data "
        + " ".join(f"{place}={folder}{'/pid' if 'FILE' in place else ''}" for place in places)
    )
    env = clean_environment({"APACHE_CONFDIR": str(etc), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    lines = [line.replace(str(DEBIAN), str(etc)) for line in SET_UP]
    subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=folder, env=env, check=True, capture_output=True)
    command = ["bash", "-c", f". {etc}/envvars && exec apache2 -d {etc} -D FOREGROUND"]
    with listening(command, port, cwd=folder, log=folder / "log", env=env):
        yield f"http://127.0.0.1:{port}"


class TestPlain(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with apache(tmp_path_factory.mktemp("apache"), served) as url:
            yield Host(url, headers={"Authorization": f"Bearer {PERSONAL}"})

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        here = {"http://localhost": host.url, "$KEY": PERSONAL}
        assert ask_as_shown(COMMANDS[-1:], here, tmp_path) == "completed"

    def test_log_holds_no_question_and_no_id(self, served: Service, tmp_path: Path) -> None:
        with apache(tmp_path, served) as url:
            for address in ADDRESSES:
                request(url, address)
        log = (tmp_path / "access.log").read_text()
        assert log.count("GET /api/") == len(ADDRESSES)
        assert "secret" not in log + (tmp_path / "error.log").read_text()


class TestLogins(HostContract, LoginAttacks):
    """Apache asks for the password itself."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, quick_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        # Apache gives up root's rights, and must still find the way to the passwords.
        quick_folder.chmod(0o711)
        people = quick_folder / "people"
        people.write_text(f"ann:{{SHA}}{b64encode(sha1(b'secret').digest()).decode()}\n")
        here = {"/etc/apache2/people": str(people), KEY_OF_THE_EXAMPLE: KEY}
        with apache(tmp_path_factory.mktemp("apache"), served, "qa-login.conf", **here) as url:
            yield Host(url, headers={"Authorization": f"Basic {b64encode(b'ann:secret').decode()}"})
