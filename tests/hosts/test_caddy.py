"""The service behind Caddy, with the example's configuration."""

from collections.abc import Iterator

import pytest

from tests.hosts.attacks import TokenAttacks
from tests.hosts.host import PERSONAL, Host, HostContract
from tests.hosts.pages import EXAMPLES, changed
from tests.live.processes import Service, free_port, listens, program, running, until


@pytest.fixture(scope="module")
def host(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder, port = tmp_path_factory.mktemp("caddy"), free_port()
    here = {
        "qa.example.com": f"http://127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{served.port}",
    }
    site = changed(EXAMPLES / "caddy/Caddyfile", here)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{site}")
    command = [program("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    with running(command, cwd=folder, log=folder / "log", env={"HOME": str(folder)}) as process:
        until(lambda: process.poll() is not None or listens(port), 10, "Caddy listens")
        assert process.poll() is None, (folder / "log").read_text()
        yield Host(f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {PERSONAL}"})


class TestExample(HostContract, TokenAttacks):
    """Caddy streams, overwrites what callers forward, and packs only what isn't a stream."""
