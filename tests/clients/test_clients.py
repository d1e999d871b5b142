"""Clients as people use them, in the versions of `package.json`, against a running service.

One process of Node runs all checks at once and reports them; each has a test here. Their files say what they promise.
"""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from qa_service.frames import Done, Restart, Text
from qa_service.knowledge.database import Database
from qa_service.knowledge.engine import EmbeddedPostgres
from qa_service.wire.agui import AgentEncoder, AgentRun
from qa_service.wire.encoder import FormatContext
from tests.clients.packages import FOLDER, install_packages
from tests.documents import pdf
from tests.knowledge.shelf import put
from tests.live.processes import Service, gunicorn
from tests.scripted_upstream import NAMED, Script, ScriptedUpstream, pieces
from tests.scripts import TOKENS_IN
from tests.wire.test_typed import FRAMES

if TYPE_CHECKING:
    import mcp

FILES = ("js", "ai-sdk", "readers", "completions", "responses", "tutorials", "ag-ui", "mcp")
"""These are the files whose checks are run."""
KEY = "personal-secret-012345678"
MODEL = "gpt-4.1-mini"
LONGEST = 100.0
CHECK = re.compile(r"^  async (?:\"(?P<name>[^\"]+)\"|\[`\$\{name\} (?P<of_each>[^`]+)`\])", re.MULTILINE)
EACH = ("a reader written by hand", "eventsource-parser")
"""These are the clients that have the checks whose names begin with `${name}`."""


def checks() -> Iterator[str]:
    """Return the names of all checks, as the files have them."""
    for file in FILES:
        for found in CHECK.finditer((FOLDER / f"{file}.mjs").read_text()):
            names = [found["name"]] if found["name"] else [f"{name} {found['of_each']}" for name in EACH]
            yield from (f"{file}: {name}" for name in names)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def served(
    model: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    knowledge_engine: EmbeddedPostgres,
    knowledge_url: str,
) -> Iterator[Service]:
    database = Database(knowledge_engine)  # it has one shared page, which agents find
    put(database, "연체 안내", "책을 늦게 돌려주면 연체료로 하루에 백 원을 냅니다.", title="연체 안내")
    database.close()
    folder = tmp_path_factory.mktemp("clients")
    settings = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model.url,
        "QA_API_KEYS": f"me:{KEY}:personal",
        "QA_MODEL": MODEL,
        "QA_TRIES": "1",
        "QA_HEARTBEAT_SECONDS": "1",
        "QA_DATABASE_URL": knowledge_url,
        "QA_SEMANTIC": "off",
    }
    with gunicorn(folder, **settings) as found:
        yield found


def restarted_run() -> bytes:
    """Return a run of AG-UI whose text begins again, as a worker that took it over writes it for a page with one
    message."""
    asked = json.dumps([{"id": "m1", "role": "user", "content": "안녕?"}]).encode()
    encoder = AgentEncoder(FormatContext("a1", "/api"), AgentRun("thread", "run-1", asked))
    return encoder.batch(1, [FRAMES[0], Text("void"), Restart("lost"), Text("good"), Done("completed")])


@asynccontextmanager
async def agent(served: Service, mode: str) -> AsyncIterator["mcp.Client"]:
    """The official Python client of the Model Context Protocol. With `auto` it takes the newest version, and with
    `legacy` it begins with `initialize`."""
    # Importing it takes a second, which only the one who runs these tests pays, and not everybody who collects them.
    import mcp
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

    async with create_mcp_http_client(headers={"Authorization": f"Bearer {KEY}"}) as http:
        transport = streamable_http_client(f"{served.url}/api/mcp", http_client=http)
        async with mcp.Client(transport, mode=mode) as client:
            yield client


@pytest.fixture(scope="module")
def report(served: Service, model: ScriptedUpstream) -> dict[str, str | None]:
    """Return what became of each check: None, or its error."""
    given = {
        "port": served.port,
        "upstream": model.url.removesuffix("/v1"),
        "key": KEY,
        "model": MODEL,
        "files": FILES,
        "text": "".join(pieces(Script())),
        "paced": "".join(pieces(NAMED["paced"])),
        "tokens": TOKENS_IN,
        "restarted": b64encode(restarted_run()).decode(),
        "pdf": b64encode(pdf(["배터리는 24개월 동안 보증됩니다."])).decode(),
    }
    command = [install_packages(), str(FOLDER / "run.mjs"), json.dumps(given)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str | None] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("check", list(checks()))
def test_a_check_of_a_client_passes(report: dict[str, str | None], check: str) -> None:
    assert report[check] is None, report[check]


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_an_agent_in_python_finds_a_passage_and_reads_its_page(served: Service, mode: str, version: str) -> None:
    async def use() -> None:
        async with agent(served, mode) as client:
            assert client.protocol_version == version
            assert [tool.name for tool in (await client.list_tools()).tools] == ["search", "read_page"]
            found = await client.call_tool("search", {"query": "연체료는 하루에 얼마인가요?"})
            passage = found.structured_content["passages"][0]
            assert "백 원" in passage["text"]
            page = await client.call_tool("read_page", {"documentId": passage["documentId"]})
            assert page.structured_content["text"].strip() == passage["text"].strip()
            assert (await client.call_tool("read_page", {"documentId": "0" * 32})).is_error

    anyio.run(use)


def test_every_check_has_a_test(report: dict[str, str | None]) -> None:
    assert set(report) == set(checks())


def test_the_service_breaks_nowhere(served: Service, report: dict[str, str | None]) -> None:
    assert "Traceback" not in served.said


def test_the_table_names_the_version_of_each_client() -> None:
    table = (Path(__file__).parents[2] / "docs/clients.md").read_text()
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    named = dict(re.findall(r"`([@a-z][\w@/.-]*)` (\d+\.\d+\.\d+)", table))
    assert {name: version for name, version in wanted.items() if name in named} == named
