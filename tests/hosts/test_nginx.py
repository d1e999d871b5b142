"""The service behind nginx, with the examples' configurations and with none of their care."""

from collections.abc import Iterator

import pytest

from tests.hosts.conftest import KEY, PERSONAL
from tests.hosts.host import Host, HostContract
from tests.live.processes import Service
from tests.live.proxies import COOKIE, login_example, plain_example


class TestPlainExample(HostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with plain_example(served, tmp_path_factory.mktemp("plain")) as url:
            yield Host(url, headers={"Authorization": f"Bearer {PERSONAL}"})


class TestLoginExample(HostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        with login_example(served, tmp_path_factory.mktemp("login"), KEY) as url:
            yield Host(url, headers={"Cookie": COOKIE})
