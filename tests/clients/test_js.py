"""The JavaScript client as it is published: installed from its tarball, its checks in Node and React, its types and its
size. `test_clients.py` points it at the real service, and `tests/live/test_page_cuts.py` runs it in Chromium.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.write_types import TARGET, write_types
from qa_service.web.script_modules import STATIC, join_script, read_made
from tests.clients.project import CHECKS, PACKAGE, make_project, run_checks
from tests.live.processes import ROOT, program

FILES = ("parsing", "answers", "chance", "platforms", "react")
"""These are the files whose checks are run."""
CHECK = re.compile(r"^  (?:async )?\"([^\"]+)\"[:(]", re.MULTILINE)
LARGEST = 6 * 1024
"""The client has at most this many bytes, joined, minified and compressed."""
INSTALL = 'npm install "$(npm pack --silent /path/to/qa-service/clients/js)"'
DEFINED = """
const defined = [];
globalThis.HTMLElement = class {};
globalThis.customElements = { get: () => undefined, define: (name) => defined.push(name) };
await import("./app.mjs");
console.log(JSON.stringify(defined));
"""
"""This is a page that loads a site's script, and says which elements that has defined."""
TYPES = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom", "--types", "")


def checks() -> Iterator[str]:
    """Return the names of all checks, as the files have them."""
    for file in FILES:
        body = (CHECKS / f"{file}.mjs").read_text().partition("export default {")[2]
        yield from (f"{file}: {name}" for name in CHECK.findall(body))


class Project:
    """A `Project` is a project that has installed the client. `packed` are the names of the tarball's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packed = make_project(folder)

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program that a package of npm brings."""
        command = [f"node_modules/{name}", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def report(project: Project) -> dict[str, str | None]:
    return run_checks(project.folder, *FILES)


@pytest.mark.parametrize("check", list(checks()))
def test_a_check_of_the_client_passes(report: dict[str, str | None], check: str) -> None:
    assert report[check] is None, report[check]


def test_every_check_has_a_test(report: dict[str, str | None]) -> None:
    assert set(report) == set(checks())


def test_the_command_that_is_documented_installs_the_element_too(tmp_path: Path) -> None:
    for page in ("README.md", "README.ko.md", "docs/clients.md", "clients/js/README.md"):
        assert INSTALL in (ROOT / page).read_text(), page
    (tmp_path / "package.json").write_text('{"name": "bare", "private": true}')
    (tmp_path / "app.mjs").write_text('import "qa-service-client/element";')
    (tmp_path / "browser.mjs").write_text(DEFINED)
    command = INSTALL.replace("/path/to/qa-service", str(ROOT))
    env = {**os.environ, "PYTHON": sys.executable, "npm_config_offline": "true"}
    subprocess.run(command, shell=True, cwd=tmp_path, env=env, check=True, timeout=120)
    ran = subprocess.run(["node", "browser.mjs"], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(ran.stdout) == ["qa-chat"]


def test_it_is_packed_by_the_environment_of_make_serve_too(tmp_path: Path) -> None:
    package, python = tmp_path / "clients/js", tmp_path / ".venv-serve/bin/python"
    for folder in (package, python.parent):
        folder.mkdir(parents=True)
    shutil.copy(PACKAGE / "package.json", package)
    python.write_text('#!/bin/sh\necho "$PWD $*"\n')
    python.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = [program("npm"), "run", "--silent", "prepack"]
    ran = subprocess.run(command, cwd=package, env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"{tmp_path} -m clients.write_element"


def test_the_tarball_has_the_client_the_element_their_types_and_their_papers_alone(project: Project) -> None:
    folders = {str(Path(name).parent) for name in project.packed}
    assert folders == {".", "element", "src", "types"}
    papers = {name for name in project.packed if "/" not in name}
    assert papers == {"LICENSE", "README.md", "package.json"}
    assert {f"src/{file.name}" for file in (PACKAGE / "src").iterdir()} < set(project.packed)


def test_the_element_is_the_one_that_the_service_sends(project: Project) -> None:
    installed = project.folder / "node_modules/qa-service-client/element/qa-chat.js"
    joined = join_script(STATIC)
    assert installed.read_text("utf-8") == (read_made(joined) or joined)


def test_the_element_is_defined_by_a_script_of_a_site_that_imports_it(project: Project) -> None:
    (project.folder / "site.js").write_text('import "qa-service-client/element"; import "qa-service-client";')
    joined = project.run("esbuild/bin/esbuild", "site.js", "--bundle", "--format=esm", "--outfile=app.mjs")
    assert joined.returncode == 0, joined.stderr.decode()
    (project.folder / "browser.mjs").write_text(DEFINED)
    ran = subprocess.run(["node", "browser.mjs"], cwd=project.folder, capture_output=True, check=True)
    assert json.loads(ran.stdout) == ["qa-chat"]


def test_it_needs_no_other_package(project: Project) -> None:
    lock = json.loads((project.folder / "package-lock.json").read_text())
    assert set(lock["packages"]) == {"", "node_modules/qa-service-client"}


def test_it_has_the_version_and_the_license_of_the_service() -> None:
    published = json.loads((PACKAGE / "package.json").read_text())
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (published["version"], published["license"]) == (ours["version"], ours["license"])
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_joined_and_minified_it_is_small(project: Project) -> None:
    (project.folder / "all.mjs").write_text('export * from "qa-service-client";')
    joined = project.run("esbuild/bin/esbuild", "all.mjs", "--bundle", "--minify", "--format=esm")
    assert joined.returncode == 0, joined.stderr.decode()
    assert 1000 < len(gzip.compress(joined.stdout)) < LARGEST


def test_the_examples_of_its_readme_are_javascript(project: Project) -> None:
    blocks = re.findall(r"^```jsx?\n(.+?)^```", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    names = [f"example{number}.jsx" for number in range(len(blocks))]
    for name, block in zip(names, blocks, strict=True):
        (project.folder / name).write_text(block)
    built = project.run("esbuild/bin/esbuild", *names, "--outdir=built", "--format=esm")
    assert len(blocks) > 5
    assert built.returncode == 0, built.stderr.decode()


def test_its_readme_names_every_option(project: Project) -> None:
    types = (PACKAGE / "types" / "index.d.ts").read_text()
    declared = re.findall(r"interface (?:Client|Follow|Ask)Options [^{]*\{(.+?)^\}", types, re.MULTILINE | re.DOTALL)
    options = re.findall(r"^  (\w+)\??:", "".join(declared), re.MULTILINE)
    readme = (PACKAGE / "README.md").read_text()
    assert len(options) > 12
    assert [option for option in options if not re.search(rf"`{option}`|\b{option}:", readme)] == []


def test_its_types_are_those_of_the_schemas() -> None:
    assert TARGET.read_text() == write_types(), "python -m clients.write_types"


def test_typescript_knows_what_may_be_asked_and_what_comes(project: Project) -> None:
    checked = project.run("typescript/bin/tsc", *TYPES, "sample.ts")
    assert checked.returncode == 0, checked.stdout.decode()


def test_the_types_declare_what_there_is(project: Project) -> None:
    for module, declared in (("", "index"), ("/react", "react")):
        script = f"console.log(JSON.stringify(Object.keys(await import('qa-service-client{module}'))))"
        ran = subprocess.run(
            ["node", "--input-type=module", "-e", script], cwd=project.folder, capture_output=True, check=True
        )
        names = re.findall(
            r"^export declare (?:function|class) (\w+)", (PACKAGE / "types" / f"{declared}.d.ts").read_text(), re.M
        )
        assert sorted(names) == sorted(json.loads(ran.stdout))
