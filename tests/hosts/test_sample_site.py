"""The sample site, indexed and started by the commands of its page, without a model."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.hosts.host import Host
from tests.hosts.pages import EXAMPLES, commands
from tests.live.chromium import ANSWERED, PATIENCE, chromium
from tests.live.processes import BIN, Service, clean_environment, free_port, service

PAGE = EXAMPLES / "sample-site/README.md"
INDEX, START, *ASK = commands(PAGE)
PORT = "8000"
QUICK = {"QA_SEMANTIC": "off", "PATH": f"{BIN}:/usr/bin:/bin"}


@pytest.fixture(scope="module")
def site(quick_folder: Path) -> Iterator[Service]:
    folder, port = quick_folder / "sample-site", free_port()
    copytree(EXAMPLES / "sample-site", folder)
    quick_folder.chmod(0o711)  # Root has the private PostgreSQL run as another user, who must find the way.
    env = clean_environment(QUICK)
    indexed = subprocess.run(["bash", "-c", INDEX], cwd=folder, env=env, capture_output=True, timeout=60)
    assert indexed.returncode == 0, indexed.stderr.decode()
    line = f"exec {START.replace(PORT, str(port))}"
    with service(["bash", "-c", line], folder, port, **QUICK, QA_DATA=".qa") as found:
        yield found


def sources(host: Host, question: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the answer, and what it names as its sources."""
    with host.ask(question) as asked:
        asked.finish()
    return asked.text, [seen.content for seen in asked.seen if seen.kind == "reference"]


@pytest.mark.parametrize(
    ("question", "words", "file", "page"),
    [
        ("How long is the battery covered?", "24 months", "pages/manual.pdf", 2),
        ("On which days is the shop open?", "Tuesday", "pages/index.html", None),
        ("환불은 며칠 안에 신청할 수 있나요?", "14일", "pages/ko/refunds.html", None),
        ("정기 점검은 무료인가요?", "무료", "pages/ko/index.html", None),
    ],
)
def test_answers_from_its_pages_and_its_manual(
    site: Service, question: str, words: str, file: str, page: int | None
) -> None:
    text, found = sources(Host(site.url), question)
    assert words in text
    assert found[0]["file"] == file
    assert page in (None, found[0].get("page"))


def test_every_page_has_the_element_and_leads_only_to_pages_there_are(site: Service) -> None:
    pages = {"/" + file.relative_to(EXAMPLES / "sample-site/pages").as_posix() for file in PAGE.parent.rglob("*.html")}
    connection = Host(site.url).connect()
    for page in sorted(pages | {"/"}):
        connection.request("GET", page)
        text = connection.getresponse().read().decode()
        assert "<qa-chat" in text
        for address in re.findall(r'(?:href|src)="([^"]+)"', text):
            connection.request("GET", address)
            answer = connection.getresponse()
            assert answer.read()
            assert answer.status == 200, address
    connection.close()


@pytest.mark.parametrize("command", ASK)
def test_commands_of_the_page_ask(site: Service, command: str) -> None:
    line = command.replace(f":{PORT}", f":{site.port}")
    ended = subprocess.run(["bash", "-c", line], cwd=site.folder, env=clean_environment({}), capture_output=True)
    done = json.loads(ended.stdout.decode().strip().splitlines()[-1].removeprefix("data: "))
    assert done["content"]["status"] == "completed"
    assert b"24 months" in ended.stdout or b"four hours" in ended.stdout


def test_visitor_asks_in_the_bubble_of_a_page(site: Service) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 700})
        page.goto(f"{site.url}/ko/index.html")
        page.locator("#launcher").click()
        page.locator("#question").fill("환불은 며칠 안에 신청할 수 있나요?")
        page.locator("#question").press("Enter")
        expect(page.locator(ANSWERED)).to_have_count(1, timeout=PATIENCE)
        expect(page.locator(".prose")).to_contain_text("14일")
        expect(page.locator(".sources .card").first).to_contain_text("refunds.html")
