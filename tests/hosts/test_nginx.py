"""The service behind one nginx: with the examples' configurations, and with what else sites have there."""

from collections.abc import Iterator

import pytest

from tests.hosts.attacks import LoginAttacks, LoginElsewhere, TokenAttacks
from tests.hosts.host import HEARTBEAT, KEY, PERSONAL, Host, HostContract
from tests.live.processes import Service, free_port
from tests.live.proxies import COOKIE, login_example, nginx, plain_example
from tests.scripted_upstream import Script, ScriptedUpstream

MINE = {"Authorization": f"Bearer {PERSONAL}"}
LOCATION = (
    "server {{ listen 127.0.0.1:{port}; client_max_body_size 65m; {more} location / {{ proxy_pass {served}; }} }}"
)
GZIP = "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream application/json;"


class TestPlainExample(HostContract, TokenAttacks):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with plain_example(served, tmp_path_factory.mktemp("plain")) as url:
            yield Host(url, headers=MINE)


class TestLoginExample(HostContract, LoginAttacks, LoginElsewhere):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with login_example(served, tmp_path_factory.mktemp("login"), KEY) as url:
            yield Host(url, headers={"Cookie": COOKIE})


class TestDefaultBufferingAndCompression(HostContract):
    """nginx speaks HTTP/1.0 to the service then, buffers, and packs streams for those who take that."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        port = free_port()
        server = LOCATION.format(port=port, served=served.url, more=GZIP)
        with nginx(tmp_path_factory.mktemp("default"), server, port) as url:
            yield Host(url, headers=MINE)


class TestTimeOut:
    """nginx waits a minute for the next byte. Here it waits for two seconds, and the model is silent for three."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        port = free_port()
        server = LOCATION.format(port=port, served=served.url, more="proxy_read_timeout 2s;")
        with nginx(tmp_path_factory.mktemp("hasty"), server, port) as url:
            yield Host(url, headers=MINE)

    def test_does_not_cut_a_stream_while_the_model_is_silent_for_longer(
        self, host: Host, model: ScriptedUpstream
    ) -> None:
        model.script(Script(delay=3 * HEARTBEAT))
        with host.ask() as asked:
            assert asked.finish().status == "completed"

    def test_cuts_an_answer_that_was_asked_without_a_stream(self, host: Host, model: ScriptedUpstream) -> None:
        model.script(Script(delay=3 * HEARTBEAT))
        with host.ask(stream="false") as asked:
            assert asked.response.status == 504
