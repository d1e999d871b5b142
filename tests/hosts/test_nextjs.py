"""The service in a site of Next.js: by a handler of the App Router, by one of the Pages Router, and by a rewrite."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.attacks import raw_status
from tests.hosts.host import KEY, Host, HostContract
from tests.hosts.login_host import USER, LoginHostContract, StreamedUploads
from tests.hosts.node_site import ask_as_page, build, lay_out, node_site
from tests.hosts.pages import EXAMPLES, log_in
from tests.hosts.tapped import Tapped
from tests.live.processes import Service
from tests.live.reading import request
from tests.scripted_upstream import ScriptedUpstream


@pytest.fixture(scope="module")
def site(tapped: Tapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a site with the App Router, which has the rewrite besides."""
    folder = lay_out("nextjs", renamed={"rewrite.config.js": "next.config.js"})
    build(folder, tapped)
    with node_site(folder, tapped, tmp_path_factory.mktemp("nextjs") / "log") as url:
        yield url


class TestAppRouter(StreamedUploads, LoginHostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, site: str) -> Host:
        return Host(site, headers=log_in(site, USER))

    def test_commands_of_the_page_ask(self, host: Host, tmp_path: Path) -> None:
        assert ask_as_page(EXAMPLES / "nextjs/README.md", host.url, tmp_path) == "completed"


class TestPagesRouter(StreamedUploads, LoginHostContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tapped: Tapped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = lay_out("nextjs-pages", packages="nextjs")
        build(folder, tapped)
        with node_site(folder, tapped, tmp_path_factory.mktemp("pages") / "log") as url:
            yield Host(url, headers=log_in(url, USER, "/api/login"))

    def test_commands_of_the_page_ask(self, host: Host, tmp_path: Path) -> None:
        assert ask_as_page(EXAMPLES / "nextjs-pages/README.md", host.url, tmp_path) == "completed"


class TestRewrite(HostContract):
    """A page that has a token gets through a rewrite. What a rewrite can't do stands here, too."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, site: str, served: Service) -> Host:
        made_with = {"Authorization": f"Bearer {KEY}", "X-User-Id": "ann"}
        token = request(served.url, "/api/tokens", "POST", headers=made_with)[1]["token"]
        return Host(site, "/rewritten/api", headers={"Authorization": f"Bearer {token}"})

    def test_login_of_the_site_is_not_passed_on_as_one_of_the_service(self, host: Host) -> None:
        code, problem = Host(host.url, host.prefix, log_in(host.url, USER)).call("/sessions")
        assert (code, problem["code"]) == (401, "unauthenticated")

    def test_cookies_of_the_site_reach_the_service(self, host: Host, tapped: Tapped, model: ScriptedUpstream) -> None:
        tapped.said.clear()
        host.call("/config", headers=log_in(host.url, USER))
        assert "login=" in tapped.requests()[-1]["Cookie"]

    def test_a_service_that_is_away_is_a_fault_of_the_site(self, host: Host, tapped: Tapped) -> None:
        tapped.pull()
        try:
            assert raw_status(host, "GET", f"{host.prefix}/config") == 500
        finally:
            tapped.plug()


def test_express_and_the_pages_router_have_the_same_file() -> None:
    there, here = EXAMPLES / "express/qa.js", EXAMPLES / "nextjs-pages/lib/qa.js"
    assert there.read_text() == here.read_text()


def test_both_sites_need_the_same_packages() -> None:
    app, pages = (json.loads((EXAMPLES / name / "package.json").read_text()) for name in ("nextjs", "nextjs-pages"))
    assert app["dependencies"] == pages["dependencies"]
