"""The service in a site of Express."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.host import Host
from tests.hosts.login_host import USER, LoginHostContract, StreamedUploads
from tests.hosts.node_site import ask_as_page, lay_out, node_site
from tests.hosts.pages import EXAMPLES, log_in
from tests.hosts.tapped import Tapped


class TestExpress(StreamedUploads, LoginHostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = lay_out("express")
        with node_site(folder, tapped, tmp_path_factory.mktemp("express") / "log") as url:
            yield Host(url, headers=log_in(url, USER))

    def test_commands_of_the_page_ask(self, host: Host, tmp_path: Path) -> None:
        assert ask_as_page(EXAMPLES / "express/README.md", host.url, tmp_path) == "completed"


@pytest.mark.parametrize("script", ["express/qa.js", "nextjs-pages/lib/qa.js"])
def test_whoever_hangs_up_while_the_login_is_looked_up_leaves_no_connection_behind(script: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / script, tmp_path / "qa.js")
    command = ["node", str(Path(__file__).with_name("slow_login.mjs")), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout == "0\n"
