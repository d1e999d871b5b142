"""This module has what is published: the source distribution, and the wheel that is built from it."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.live.processes import ROOT


def build_sdist(folder: Path) -> Path:
    """Build the source distribution of this checkout, and return the folder that it unpacks to."""
    packed = _build(ROOT, folder, "sdist", "*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".tar.gz")


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a source distribution."""
    return _build(source, folder, "wheel", "*.whl")


def unpack_wheel(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel into a folder from which Python can import it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _build(source: Path, folder: Path, kind: str, pattern: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [built] = folder.glob(pattern)
    return built
