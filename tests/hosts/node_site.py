"""This module has examples of Node, installed and started as their pages say, in a folder of their own beside the
project's."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tests.hosts.host import KEY
from tests.hosts.pages import EXAMPLES, ask_as_shown, commands
from tests.hosts.tapped import Tapped
from tests.live.processes import ROOT, clean_environment, free_port, listening, program

LONGEST = 300.0
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
PACKAGES = ("package.json", "package-lock.json")
LEFT = shutil.ignore_patterns("node_modules", ".next", ".env*", "package-lock.json")


def lay_out(name: str, *, packages: str = "", renamed: Mapping[str, str] | None = None) -> Path:
    """Copy an example, with other names for some files, and install its packages. Examples with the same packages share
    those of the one that `packages` names."""
    shared = ROOT / ".hosts" / (packages or name)
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # The tests run in several processes.
        _install(EXAMPLES / shared.name, shared)
        shutil.copytree(EXAMPLES / name, shared / name, ignore=LEFT, dirs_exist_ok=True)
        for old, new in (renamed or {}).items():
            (shared / name / old).rename(shared / name / new)
    return shared / name


def _install(example: Path, folder: Path) -> None:
    """Install what an example needs, unless that was done before."""
    wanted = sha256((example / "package-lock.json").read_bytes()).hexdigest()
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    for file in PACKAGES:
        shutil.copy(example / file, folder)
    subprocess.run([program("npm"), "ci", *QUIET], cwd=folder, check=True, timeout=LONGEST, capture_output=True)
    installed.write_text(wanted)


def start(page: Path) -> str:
    """Return the command of a page that starts its site."""
    (found,) = (line for line in commands(page) if "3000" in line and "curl" not in line)
    return found


def ask_as_page(page: Path, url: str, folder: Path) -> str:
    """Log in and ask by the commands of a page. Return how the answer ended."""
    lines = [line for line in commands(page) if line.startswith("curl")]
    return ask_as_shown(lines, {"http://127.0.0.1:3000": url}, folder)


def build(folder: Path, tapped: Tapped) -> None:
    """Build a site of Next.js. A rewrite's address is fixed by that."""
    built = subprocess.run(
        [program("npx"), "next", "build"],
        cwd=folder,
        env=clean_environment(_settings(tapped)),
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert built.returncode == 0, built.stdout + built.stderr


@contextmanager
def node_site(folder: Path, tapped: Tapped, log: Path) -> Iterator[str]:
    """Give the address of the site, once it listens."""
    port = free_port()
    command = ["bash", "-ec", start(folder / "README.md").replace("3000", str(port))]
    with listening(command, port, cwd=folder, log=log, env=_settings(tapped), seconds=20):
        yield f"http://127.0.0.1:{port}"


def _settings(tapped: Tapped) -> dict[str, str]:
    ours = {"QA_URL": f"{tapped.url}/api", "QA_KEY": KEY, "SESSION_SECRET": "a-secret-of-tests-0123456789"}
    return {**ours, "NEXT_TELEMETRY_DISABLED": "1"}
