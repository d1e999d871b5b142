"""The published contract is held to the running service by a program that makes requests of it, right and wrong ones.

It holds what comes to the contract: statuses, media types, headers, bodies, whether what is allowed is accepted, and
what is asked of whom. Wrong values are sent too, but needn't be refused: an empty one counts as absent, and numbers and
switches may be written as text, as forms write them.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.live.processes import BIN, ROOT, Service, clean_environment, newcomer

KEY = "a-key-of-tests-0123456789"
SHORT = {"QA_MAX_QUESTION": "200", "WEB_CONCURRENCY": "1"}
"""The program takes ten times as long to think of texts that may have 32,000 characters."""
OPERATIONS = 20
"""There are more operations than these."""
CONFIGURATION = """
hooks = "tests.live.contract_hooks"
warnings = false
request-timeout = 20
suppress-health-check = ["all"]

[generation]
max-examples = 1
deterministic = true
no-shrink = true
database = "none"

[phases]
stateful.enabled = false
coverage.enabled = {covers}
examples.enabled = {covers}

[checks]
negative_data_rejection.enabled = false

[reports.junit]
path = "{report}"

[[operations]]
include-path = "/ask"
phases.coverage.enabled = false
generation.max-examples = 3

[[operations]]
include-path = "/images"
checks.not_a_server_error.enabled = false

[[operations]]
include-path = "/probe"
checks.not_a_server_error.enabled = false
"""
"""Values at each limit of each field would be thousands of questions. They are tried for all other operations, which so
need fewer examples. Without a model, pictures are refused by a 503, as the contract says, and so is a probe that asks
for that."""


def run_schemathesis(service: Service, folder: Path, headers: Sequence[str], *, covers: bool) -> tuple[int, str, int]:
    """Hold the service to its contract. The result is the program's status, what it said, and how many operations it
    tried."""
    configuration, report = folder / "schemathesis.toml", folder / "report.xml"
    configuration.write_text(CONFIGURATION.format(report=report, covers=str(covers).lower()))
    command = [str(BIN / "schemathesis"), "--config-file", str(configuration), "run", "--no-color"]
    command += [part for header in headers for part in ("--header", header)]
    ran = subprocess.run(
        [*command, f"{service.url}/api/openapi.json"],
        cwd=folder,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
    )
    tried = {case.get("name") for case in ElementTree.parse(report).getroot().iter("testcase")}
    return ran.returncode, ran.stdout + ran.stderr, len(tried)


@pytest.mark.parametrize("caller", ["visitor", "key"])
def test_the_service_does_what_its_contract_says(caller: str, knowledge_url: str, tmp_path: Path) -> None:
    has_key = caller == "key"
    settings = (
        SHORT
        | {"QA_DATABASE_URL": knowledge_url}
        | ({"QA_API_KEYS": f"site:{KEY}"} if has_key else {"QA_ALLOW_ANONYMOUS": "on"})
    )
    headers = [f"Authorization: Bearer {KEY}", "X-User-Id: kim"] if has_key else []
    with newcomer(tmp_path, **settings) as served:
        status, said, tried = run_schemathesis(served, tmp_path, headers, covers=has_key)
    assert status == 0, said
    assert tried > OPERATIONS
