"""The service behind an nginx that speaks TLS and HTTP/2, alone and before a second nginx."""

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.attacks import TokenAttacks
from tests.hosts.host import PERSONAL, SCRIPT, Host, HostContract
from tests.hosts.pages import EXAMPLES, certificate, changed
from tests.live.processes import Service, free_port, program
from tests.live.proxies import nginx
from tests.scripted_upstream import ScriptedUpstream, pieces

MINE = {"Authorization": f"Bearer {PERSONAL}"}


@contextmanager
def outer(folder: Path, backend: int, **changes: str) -> Iterator[Host]:
    """The nginx that visitors reach, before whatever listens at `backend`."""
    port = free_port()
    here = {
        "listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
        "/etc/ssl/site.pem": str(certificate(folder)),
        "/etc/ssl/site.key": str(folder / "site.key"),
        "qa:8000": f"127.0.0.1:{backend}",
        "/var/log/nginx/": f"{folder}/",
    }
    with nginx(folder, changed(EXAMPLES / "nginx/outer.conf", here | changes), port):
        trusts = ssl.create_default_context(cafile=str(folder / "site.pem"))
        yield Host(f"https://127.0.0.1:{port}", headers=MINE, trusts=trusts)


@contextmanager
def inner(folder: Path, backend: int, **changes: str) -> Iterator[int]:
    """The nginx behind it."""
    port = free_port()
    here = {"listen 80": f"listen 127.0.0.1:{port}", "qa:8000": f"127.0.0.1:{backend}", "/var/log/nginx/": f"{folder}/"}
    with nginx(folder, changed(EXAMPLES / "nginx/inner.conf", here | changes), port):
        yield port


class TestEncrypted(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with outer(tmp_path_factory.mktemp("outer"), served.port) as host:
            yield host

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
        assert came[-1] - came[0] > 0.8 * SCRIPT.deltas / SCRIPT.rate


class TestTwoHops(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with (
            inner(tmp_path_factory.mktemp("inner"), served.port) as port,
            outer(tmp_path_factory.mktemp("before"), port) as host,
        ):
            yield host

    def test_first_hop_holds_text_back_where_the_second_keeps_the_word_for_itself(
        self, served: Service, model: ScriptedUpstream, tmp_path: Path
    ) -> None:
        """This is why inner.conf has its last line."""
        second, first = tmp_path / "second", tmp_path / "first"
        second.mkdir()
        first.mkdir()
        silent = {"proxy_pass_header X-Accel-Buffering;": ""}
        with inner(second, served.port, **silent) as port, outer(first, port) as host:
            model.script(SCRIPT)
            with host.ask() as asked:
                asked.finish()
        times = [seen.at for seen in asked.seen if seen.kind == "text"]
        assert asked.text == "".join(pieces(SCRIPT))
        assert times[-1] - times[0] < 0.5 * SCRIPT.deltas / SCRIPT.rate
