"""The JavaScript client in Deno and Bun: its own checks, and answers of the real service through lost connections.

The checks of the parser are left out, because Deno's decoder takes away a byte order mark that comes later than at the
beginning. Those of React Native are, too: they put Node's HTTP in the place of a phone's.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.packages import FOLDER, QUIET
from tests.clients.project import make_project
from tests.live.processes import Service, gunicorn, program
from tests.live.stores import redis_server
from tests.scripted_upstream import NAMED, Script, ScriptedUpstream, pieces

RUNTIMES = {"deno": ("deno@2.9.6", ["run", "--allow-all", "--quiet"]), "bun": ("bun@1.4.5", [])}
CHECKS = ("answers", "chance")
KEY = "personal-secret-012345678"
LONGEST = 120.0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    make_project(folder)
    return folder


@pytest.fixture(scope="module", params=RUNTIMES)
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command that runs a script."""
    package, arguments = RUNTIMES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    # Bun's package puts its program in place by a script of its own.
    quiet = [option for option in QUIET if option != "--ignore-scripts"]
    subprocess.run([program("npm"), "install", *quiet, package], cwd=folder, check=True, timeout=LONGEST)
    return [str(folder / "node_modules/.bin" / request.param), *arguments]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def served(model: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("served")
    with redis_server(folder) as redis:
        settings = {"REDIS_URL": redis.url, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.url}
        with gunicorn(folder, QA_API_KEYS=f"me:{KEY}:personal", QA_HEARTBEAT_SECONDS="1", **settings) as service:
            yield service


def run(command: list[str], folder: Path) -> dict[str, str | None]:
    # Without a terminal nothing colours the report.
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, timeout=LONGEST
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str | None] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_the_clients_own_checks_hold(runtime: list[str], project: Path) -> None:
    found = run([*runtime, "run.mjs", *CHECKS], project)
    assert len(found) > 20
    assert {name: error for name, error in found.items() if error} == {}


def test_answers_of_the_service_arrive_through_cuts(
    runtime: list[str], served: Service, model: ScriptedUpstream
) -> None:
    given = {
        "port": served.port,
        "upstream": model.url.removesuffix("/v1"),
        "key": KEY,
        "files": ["js"],
        "text": "".join(pieces(Script())),
        "paced": "".join(pieces(NAMED["paced"])),
    }
    found = run([*runtime, "run.mjs", json.dumps(given)], FOLDER)
    assert len(found) > 3
    assert {name: error for name, error in found.items() if error} == {}
