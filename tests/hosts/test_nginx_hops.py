"""The service behind an nginx that speaks TLS and HTTP/2, alone and before a second nginx."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.attacks import ADDRESSES, TokenAttacks, raw_status
from tests.hosts.host import PERSONAL, SCRIPT, Host, HostContract
from tests.hosts.nginx_hops import inner, outer
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands
from tests.live.processes import Service, program
from tests.scripted_upstream import ScriptedUpstream, pieces

MINE = {"Authorization": f"Bearer {PERSONAL}"}


class TestEncrypted(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with outer(tmp_path_factory.mktemp("outer"), served.port) as found:
            yield found.with_headers(MINE)

    def test_text_is_passed_on_over_http2_while_it_is_written(
        self, host: Host, model: ScriptedUpstream, tmp_path: Path
    ) -> None:
        model.script(SCRIPT)
        head = tmp_path / "head"
        command = [program("curl"), "-sSNk", "--http2", "-D", head, f"{host.url}/api/ask", "-F", "question=hi"]
        command += ["-H", f"Authorization: Bearer {PERSONAL}"]
        came, text = [], ""
        with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as curl:
            assert curl.stdout
            for line in curl.stdout:
                frame = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if frame.get("type") == "text":
                    came.append(time.monotonic())
                    text += frame["content"]
        assert head.read_text().startswith("HTTP/2 200")
        assert text == "".join(pieces(SCRIPT))
        assert came[-1] - came[0] > 0.4 * SCRIPT.deltas / SCRIPT.rate

    def test_log_holds_no_question_and_no_id(self, served: Service, tmp_path: Path) -> None:
        with outer(tmp_path, served.port) as found:
            for address in ADDRESSES:
                raw_status(found, "GET", address)
        log = (tmp_path / "access.log").read_text()
        assert log.count("GET /api/") == len(ADDRESSES)
        assert "secret" not in log + (tmp_path / "error.log").read_text()

    def test_commands_of_the_page_ask(self, host: Host, model: ScriptedUpstream, tmp_path: Path) -> None:
        here = {"https://qa.example.com": f"-k {host.url}", "$KEY": PERSONAL}
        assert ask_as_shown(commands(EXAMPLES / "nginx/README.md")[-1:], here, tmp_path) == "completed"


class TestTwoHops(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with (
            inner(tmp_path_factory.mktemp("inner"), served.port) as port,
            outer(tmp_path_factory.mktemp("before"), port) as found,
        ):
            yield found.with_headers(MINE)

    def test_first_hop_holds_text_back_where_the_second_keeps_the_word_for_itself(
        self, served: Service, model: ScriptedUpstream, tmp_path: Path
    ) -> None:
        """This is why inner.conf has its last line."""
        second, first = tmp_path / "second", tmp_path / "first"
        second.mkdir()
        first.mkdir()
        silent = {"proxy_pass_header X-Accel-Buffering;": ""}
        with inner(second, served.port, silent) as port, outer(first, port) as found:
            model.script(SCRIPT)
            with found.with_headers(MINE).ask() as asked:
                asked.finish()
        times = [seen.at for seen in asked.seen if seen.kind == "text"]
        assert asked.text == "".join(pieces(SCRIPT))
        assert times[-1] - times[0] < 0.4 * SCRIPT.deltas / SCRIPT.rate
