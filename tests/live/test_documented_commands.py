"""Every command that README and the pages of `docs/` show is run against one service, and prints what they show."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from qa_service.arguments import read_arguments
from qa_service.indexing.order import read_order
from qa_service.knowledge.engine import EmbeddedPostgres
from tests.conftest import empty_knowledge
from tests.live.processes import BIN, ROOT, SECRET, Service, clean_environment, free_port, program, service
from tests.samples import PAGES, compare, samples
from tests.test_house import PROJECT

SHOWN = "http://127.0.0.1:8000"
FOREIGN = ("docker", "claude")
"""These are programs of others, which a machine may not have."""
VARIABLE = re.compile(r"[A-Z]+=\$\(")
"""A command that sets a variable is run again before each later one of its page."""
EXTRAS = PROJECT["project"]["optional-dependencies"]


class Terminal(NamedTuple):
    """A `Terminal` is where the commands are typed: beside a service, in a folder that has what a checkout has."""

    served: Service
    env: Mapping[str, str]

    def run(self, command: str) -> str:
        """Run the command. Return its output, with the address that pages show in the place of the real one."""
        ran = subprocess.run(
            [program("bash"), "-euc", command.replace(SHOWN, self.served.url)],
            cwd=self.served.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
        return self._shown(ran.stdout)

    def read_greeting(self) -> str:
        """Return what the service has printed among the lines of its log."""
        lines = self.served.said.splitlines(keepends=True)
        return self._shown("".join(line for line in lines if not line.startswith("[")))

    def _shown(self, output: str) -> str:
        return output.replace(self.served.url, SHOWN)


@pytest.fixture(scope="module")
def terminal(
    knowledge_engine: EmbeddedPostgres, knowledge_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    """Its service has a key for a site's server and also lets visitors in, so that all commands find what they need."""
    folder = tmp_path_factory.mktemp("documented")
    for entry in ROOT.iterdir():
        if entry.name not in (".env", ".qa", ".venv"):
            (folder / entry.name).symlink_to(entry)
    kept = {"QA_DATA": str(folder / "data"), "QA_DATABASE_URL": knowledge_url, "QA_SEMANTIC": "off"}
    keys = {"QA_API_KEYS": f"site:{SECRET}", "QA_ALLOW_ANONYMOUS": "on", "WEB_CONCURRENCY": "1"}
    env = {**clean_environment(kept), "KEY": SECRET, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [str(BIN / "qa-service"), "serve"]
    with empty_knowledge(knowledge_engine), service(command, folder, free_port(), **kept, **keys) as served:
        yield Terminal(served, env)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_prints_what_the_page_shows(page: Path, terminal: Terminal) -> None:
    ids: dict[str, str] = {}
    variables = ""
    for command, shown in samples(page):
        for identity, real in ids.items():
            command = command.replace(identity, real)
        output = try_command(variables + command, terminal)
        assert output is None or not shown or compare(shown, output, ids), f"{command}\n{output}"
        variables += f"{command}\n" if VARIABLE.match(command) else ""


def test_the_client_that_the_readme_shows_prints_an_answer(terminal: Terminal, tmp_path: Path) -> None:
    shown = re.search(r"^```js\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert shown
    code = shown[1].replace('"qa-service-client"', f'"{ROOT}/clients/js/src/index.js"')
    code = code.replace('"/api"', f'"{terminal.served.url}/api"')
    (tmp_path / "ask.mjs").write_text(f"{code}\nfunction show(text) {{ process.stdout.write(text); }}")
    command = [program("node"), str(tmp_path / "ask.mjs")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert "No AI model is configured" in ran.stdout, ran.stderr


def try_command(command: str, terminal: Terminal) -> str | None:
    """Run a command, and return its output. It is None where the command was only checked: what takes minutes, what
    comes from a registry, and what needs somebody else's program or site."""
    words = [word for word in shlex.split(command) if word != "\n"]
    match next(word for word in words if "=" not in word):
        case "make":
            terminal.run(command.replace("make", "make -n", 1))
            return terminal.read_greeting() if "serve" in words else None
        case "gunicorn":
            return terminal.run(f"{command} --check-config")
        case "pip":
            assert all(set(Requirement(word).extras) <= set(EXTRAS) for word in words[2:])
        case "qa-service" if any("example/" in word for word in words):
            read_order(read_arguments(words[1:]))
        case name if name not in FOREIGN:
            return terminal.run(command)
    return None
