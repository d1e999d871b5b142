"""Swift's compiler. Where this machine has none, a system of Debian 13, which has one, is put into a folder of its own,
and kept there. That takes half a gigabyte of downloads, and root. What is compiled there runs there, too."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.live.processes import program

SYSTEM = Path.home() / ".cache" / "qa-service" / "debian-13"
PACKAGES = ("swiftlang", "libc6-dev", "libstdc++-14-dev", "g++", "ca-certificates")
COMPILE = ("swiftc", "-swift-version", "6", "-warnings-as-errors", "-O", "-parse-as-library")


def swift_command() -> list[str]:
    """Return what stands before a command that needs Swift, and nothing where Swift is installed."""
    if shutil.which("swiftc"):
        return []
    inside = program("bwrap")
    if not SYSTEM.is_dir():
        _make_system()
    shared = tempfile.gettempdir()
    return [inside, "--bind", str(SYSTEM), "/", "--proc", "/proc", "--dev", "/dev", "--bind", shared, shared]


def _make_system() -> None:
    debootstrap = program("debootstrap")
    # An installation that ends half-way leaves no system that looks whole.
    unfinished = SYSTEM.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    subprocess.run(
        [debootstrap, "--variant=minbase", f"--include={','.join(PACKAGES)}", "trixie", str(unfinished)], check=True
    )
    unfinished.rename(SYSTEM)


def compile_swift(sources: list[Path], target: Path) -> list[str]:
    """Compile a program, and return the command that runs it."""
    command = swift_command()
    subprocess.run([*command, *COMPILE, *map(str, sources), "-o", str(target)], check=True)
    return [*command, str(target)]
