"""What is published has all that the package needs, and serves."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest

from tests.live.distribution import build_sdist, build_wheel, unpack_wheel
from tests.live.processes import ROOT, clean_environment, free_port, service, status
from tests.live.reading import Asked

SMALL_SCRIPT = "qa_service/web/chat.min.js"
SEND = "from qa_service.web.chat_script import chat_script; print(chat_script().plain.decode(), end='')"
PROGRAM = "from qa_service.__main__ import start_command; start_command()"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sdist(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


def list_brought() -> Iterator[str]:
    """Name the files that lie beside the package in a checkout, and inside of it in a wheel."""
    for outside, inside in {"docs": "docs", "clients/js/src": "web/client"}.items():
        folder = ROOT / outside
        yield from (f"qa_service/{inside}/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file())


def test_the_source_has_what_a_newcomer_needs_and_nothing_private(source: Path) -> None:
    names = {
        "Makefile",
        "requirements-serve.lock",
        "requirements-dev.lock",
        "gunicorn.conf.py",
        ".env.example",
        "tests",
    }
    there = set(os.listdir(source))
    assert names <= there
    assert there.isdisjoint({".env", ".qa", ".git", ".venv", ".venv-serve", "node_modules"})


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    files = {path for path in (ROOT / "qa_service").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    own = {str(path.relative_to(ROOT)) for path in files}
    assert inside == own | set(list_brought()) | {"qa_service/gunicorn.conf.py"}


def test_the_wheel_names_its_extras_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = message_from_string(archive.read(metadata).decode())
        entries = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert set(told.get_all("Provides-Extra", [])) == {"semantic", "tokens", "knowledge"}
    assert "qa-service = qa_service.__main__:start_command" in entries


def test_the_wheel_sends_the_small_script_that_was_made_of_its_own_modules(wheel: Path, tmp_path: Path) -> None:
    package = unpack_wheel(wheel, tmp_path)
    command = [sys.executable, "-X", "utf8", "-c", SEND]
    sent = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True).stdout
    assert sent == (package / SMALL_SCRIPT).read_text().partition("\n")[2]


def test_the_wheel_serves_and_answers(wheel: Path, tmp_path: Path) -> None:
    package = unpack_wheel(wheel, tmp_path / "site")
    env = {"PYTHONPATH": str(package)}
    where = [sys.executable, "-c", "import qa_service; print(qa_service.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=clean_environment(env), capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(package)
    with service([sys.executable, "-c", PROGRAM, "serve"], tmp_path, free_port(), WEB_CONCURRENCY="1", **env) as served:
        assert status(f"{served.url}/") == 200
        with Asked(served.url, "Is a leash needed?", files={"a.txt": b"Dogs must be kept on a leash."}) as asked:
            assert asked.finish().status == "completed"
        assert "kept on a leash" in asked.text
