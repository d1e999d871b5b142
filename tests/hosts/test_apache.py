"""The service behind Apache, with the example's configuration and all that Debian packs by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.attacks import TokenAttacks
from tests.hosts.host import PERSONAL, Host, HostContract
from tests.hosts.pages import EXAMPLES, changed
from tests.live.processes import Service, free_port, listens, program, running, until
from tests.live.reading import request

MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "setenvif", "deflate", "filter", "mime", "env")
DEBIAN = Path("/etc/apache2/mods-available/deflate.conf")


@contextmanager
def apache(folder: Path, served: Service) -> Iterator[str]:
    """Apache with the example's site and nothing but what that needs."""
    port = free_port()
    here = {
        "*:80": f"127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{served.port}",
        "${APACHE_LOG_DIR}": str(folder),
    }
    modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
    (folder / "apache2.conf").write_text(
        f"{modules}\nServerRoot {folder}\nPidFile {folder}/pid\nListen 127.0.0.1:{port}\nServerName localhost\n"
        f"User www-data\nGroup www-data\nErrorLog {folder}/errors\nTypesConfig /etc/mime.types\nMutex fcntl:{folder}\n"
        f"Include {DEBIAN}\n{changed(EXAMPLES / 'apache/qa.conf', here)}"
    )
    command = [program("apache2"), "-d", str(folder), "-f", str(folder / "apache2.conf"), "-D", "FOREGROUND"]
    with running(command, cwd=folder, log=folder / "log") as process:
        until(lambda: process.poll() is not None or listens(port), 10, "Apache listens")
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def host(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with apache(tmp_path_factory.mktemp("apache"), served) as url:
        yield Host(url, headers={"Authorization": f"Bearer {PERSONAL}"})


class TestExample(HostContract, TokenAttacks):
    @pytest.mark.parametrize(
        "address",
        [
            "/api/ask?question={}",
            "/api/ask%3Fquestion={}",
            "/api/ask%3Fquestion=a/sessions/{}",
            "/api/ask/{}",
            "/api/Sessions/{}/files/{}/pages/1",
            "/api/answers/{}/stream",
            "/api/answers/{}%3Fafter=1/2",
            "/api/%61nswers/{}",
        ],
    )
    def test_log_holds_no_question_and_no_id(self, served: Service, tmp_path: Path, address: str) -> None:
        with apache(tmp_path, served) as url:
            request(url, address.replace("{}", "secret"))
        log = (tmp_path / "access.log").read_text()
        assert "GET /api/" in log
        assert "secret" not in log + (tmp_path / "error.log").read_text()
