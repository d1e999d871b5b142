"""This module has the packages of npm that the clients need, installed in their exact versions when a test first asks
for them."""

import fcntl
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.live.processes import program

FOLDER = Path(__file__).parent
LONGEST = 300.0
QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def install_packages() -> str:
    """Install what `package-lock.json` names, unless it is there already. Returns the path of Node. The test is skipped
    where Node isn't installed."""
    node, npm = program("node"), program("npm")
    wanted = sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        installed = FOLDER / "node_modules" / ".installed"
        if not installed.exists() or installed.read_text() != wanted:
            subprocess.run([npm, "ci", *QUIET], cwd=FOLDER, check=True, timeout=LONGEST)
            installed.write_text(wanted)
    return node
