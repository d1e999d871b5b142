"""This module has a project of somebody else's, in which the JavaScript client is installed from its tarball, as npm
publishes it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.clients.packages import FOLDER, QUIET, install_packages
from tests.live.processes import ROOT, program

PACKAGE = ROOT / "clients" / "js"
CHECKS = FOLDER / "js"
SHARED = ("@tanstack", "@esbuild", "@typescript", "esbuild", "react", "react-test-renderer", "typescript")
"""These are packages that the checks need beside the client. They are those of the other clients' tests."""
PACK = ("--json", "--foreground-scripts=false", "--pack-destination")
LONGEST = 120.0


def make_project(folder: Path) -> list[str]:
    """Pack the client, install the tarball in `folder`, and put the checks there. Returns the names of the tarball's
    files."""
    install_packages()
    npm = program("npm")
    packed = _run([npm, "pack", str(PACKAGE), *PACK, str(folder)], folder)
    [tarball] = json.loads(packed)
    (folder / "package.json").write_text('{"name": "bare", "private": true, "type": "module"}')
    _run([npm, "install", "--offline", *QUIET, f"./{tarball['filename']}"], folder)
    for name in SHARED:
        (folder / "node_modules" / name).symlink_to(FOLDER / "node_modules" / name)
    shutil.copytree(CHECKS, folder, dirs_exist_ok=True)
    return [file["path"] for file in tarball["files"]]


def run_checks(folder: Path, *files: str) -> dict[str, str | None]:
    """Run the checks of these files in the project. Returns what became of each: None, or its error."""
    found: dict[str, str | None] = json.loads(_run([program("node"), "run.mjs", *files], folder).splitlines()[-1])
    return found


def _run(command: list[str], folder: Path) -> str:
    env = {**os.environ, "PYTHON": sys.executable}
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LONGEST)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
