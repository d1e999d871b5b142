"""The service behind Caddy, with the example's configurations."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.attacks import LoginAttacks, LoginElsewhere, TokenAttacks
from tests.hosts.host import KEY, PERSONAL, Host, HostContract
from tests.hosts.pages import EXAMPLES, ask_as_shown, changed, commands
from tests.live.processes import Service, free_port, listening, program
from tests.live.proxies import COOKIE, KEY_OF_THE_EXAMPLE, login_site
from tests.scripted_upstream import ScriptedUpstream

NAME = "qa.example.com"
STREAMED = "flush_interval -1"
# Caddy may cut an answer that comes before it has finished with the question; its page in examples/ says when. It takes
# one answer of a thousand on a busy machine, and none where it reads questions whole. Tests send it few and short ones.
WHOLE = f"{STREAMED}\nbuffer_requests"


@contextmanager
def caddy(folder: Path, name: str, changes: Mapping[str, str]) -> Iterator[str]:
    """Give Caddy with a file of the example, without certificates and without a port for its operator."""
    port = free_port()
    site = changed(EXAMPLES / "caddy" / name, {NAME: f"http://127.0.0.1:{port}", STREAMED: WHOLE, **changes})
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{site}")
    command = [program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    with listening(command, port, cwd=folder, log=folder / "log", env={"HOME": str(folder)}):
        yield f"http://127.0.0.1:{port}"


class TestPlain(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        here = {"127.0.0.1:8000": f"127.0.0.1:{served.port}"}
        with caddy(tmp_path_factory.mktemp("caddy"), "Caddyfile", here) as url:
            yield Host(url, headers={"Authorization": f"Bearer {PERSONAL}"})

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        here = {f"https://{NAME}": host.url, "$KEY": PERSONAL}
        assert ask_as_shown(commands(EXAMPLES / "caddy/README.md")[-1:], here, tmp_path) == "completed"


class TestLogins(HostContract, LoginAttacks, LoginElsewhere):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with login_site() as port:
            here = {
                "127.0.0.1:8000": f"127.0.0.1:{served.port}",
                "site:5000": f"127.0.0.1:{port}",
                KEY_OF_THE_EXAMPLE: KEY,
            }
            with caddy(tmp_path_factory.mktemp("caddy"), "login.Caddyfile", here) as url:
                yield Host(url, headers={"Cookie": COOKIE})
