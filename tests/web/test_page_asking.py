"""These tests show what the page's modules promise about asking and finding again, as far as no browser is needed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.processes import ROOT

MODULES = ROOT / "qa_service/web/static"
PROMISES = Path(__file__).parent / "page/asking.mjs"


def test_every_promise_of_the_modules_is_kept(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    # Node takes files of this ending for modules only where a package says so.
    modules = shutil.copytree(MODULES, tmp_path / "static")
    (modules / "package.json").write_text('{"type": "module"}')
    tried = subprocess.run(
        [node, "--test-reporter=spec", str(PROMISES)],
        env={**os.environ, "PAGE_MODULES": str(modules)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
