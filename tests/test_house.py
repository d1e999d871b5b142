"""What the project says about itself is true: its settings, its examples, its imports, its public names."""

import ast
import importlib
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from symtable import symtable

import pytest
import yaml
from flask import Flask
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from qa_service.setting_readers import SETTING_READERS
from qa_service.settings import Settings, from_config, from_environment

ROOT = Path(__file__).parents[1]
OPERATING = (ROOT / "docs/operating.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROWS = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", OPERATING, re.MULTILINE)
IN_WORDS = ("QA_INSTRUCTIONS", "QA_SECRET", "QA_CONTEXT_TOKENS", "QA_STORE_MEMORY", "WEB_CONCURRENCY")
PROXIES = ("examples/nginx.conf", "examples/nginx-login.conf")
NGINX = which("nginx") or which("nginx", path="/usr/sbin")
FOLDERS = ("qa_service", "tests", "benchmarks", "examples", "clients", "docs", ".ci")
WRITTEN = {".py", ".md", ".toml", ".yml", ".conf", ".sh", ".js", ".css", ".html"}
NAMED = {"Dockerfile", "Makefile", "run"}
REPEATED = {
    "install": "the application calls it in each module that has routes",
    "log": "each module has the logger that has the module's name",
    "T": "the type variable of a generic function says nothing beyond the function",
}
"""These public names may stand in more than one module, for these reasons."""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no setting in the environment."""
    for key in SETTING_READERS:
        monkeypatch.delenv(key, raising=False)


def texts() -> list[Path]:
    """Return what people wrote: the files of the top level and of the project's folders."""
    inside = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*")]
    inside = [file for file in inside if "node_modules" not in file.parts]
    return [file for file in [*ROOT.glob("*"), *inside] if file.suffix in WRITTEN or file.name in NAMED]


def public_names(file: Path) -> Iterator[str]:
    """Give the functions, classes and constants that a module defines for others."""
    for symbol in symtable(file.read_text(), file.name, "exec").get_symbols():
        name = symbol.get_name()
        if symbol.is_assigned() and not symbol.is_imported() and not name.startswith("_"):
            yield name


class TestSettings:
    def test_the_table_lists_exactly_the_settings_there_are(self) -> None:
        assert [key for key, _ in ROWS] == list(SETTING_READERS)

    def test_the_table_shows_each_default_as_it_is(self, bare: None) -> None:
        shown = {key: default.strip("`") for key, default in ROWS if key not in IN_WORDS and default != "–"}
        config = {key: value for key, value in shown.items() if key not in ("HOST", "PORT")}

        assert from_config(config) == Settings()
        assert (shown["HOST"], int(shown["PORT"])) == (Settings().host, Settings().port)

    def test_a_dash_in_the_table_means_empty(self) -> None:
        empty = [key.removeprefix("QA_").lower() for key, default in ROWS if default == "–"]
        assert not any(getattr(Settings(), field) for field in empty)

    def test_the_example_of_an_env_file_holds_every_setting_with_its_default(self, bare: None, tmp_path: Path) -> None:
        lines = (ROOT / ".env.example").read_text().splitlines()
        settings = [line.removeprefix("# ") for line in lines if re.match(r"# [A-Z_]+=", line)]
        (tmp_path / ".env").write_text("\n".join(settings))

        assert [line.partition("=")[0] for line in settings] == list(SETTING_READERS)
        assert from_environment(tmp_path) == Settings()


class TestExamples:
    @pytest.mark.parametrize("name", PROXIES)
    def test_each_proxy_overwrites_who_asks_and_what_callers_say_of_themselves(self, name: str) -> None:
        configuration = (ROOT / name).read_text()
        for header in ("X-User-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix"):
            assert re.search(rf"^ *proxy_set_header {header} [^;]+;", configuration, re.MULTILINE), header
        assert "$proxy_add_x_forwarded_for" not in configuration
        assert "QA_API_KEYS" in configuration

    @pytest.mark.skipif(not NGINX, reason="needs nginx")
    @pytest.mark.parametrize("name", PROXIES)
    def test_each_proxy_file_is_one_that_nginx_takes(self, name: str, tmp_path: Path) -> None:
        hosts = re.sub(r"//(qa|site):\d+", "//127.0.0.1:9", (ROOT / name).read_text())
        here = hosts.replace("listen 80;", "listen unix:server.sock;").replace("/var/log/nginx/", f"{tmp_path}/")
        (tmp_path / "server.conf").write_text(here)
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; "
            + "".join(
                f"{kind}_temp_path {tmp_path}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f"include {tmp_path}/server.conf; }}"
        )
        command = [NGINX, "-t", "-p", tmp_path, "-c", "nginx.conf"]
        tried = subprocess.run([str(part) for part in command], capture_output=True, text=True)

        assert tried.returncode == 0, tried.stderr

    def test_the_compose_file_starts_only_with_a_key(self) -> None:
        assert re.search(r"^ +QA_API_KEYS: \$\{QA_API_KEYS:\?[^}]+\}$", (ROOT / "docker-compose.yml").read_text(), re.M)

    def test_the_compose_file_waits_longer_than_gunicorn_lets_answers_run_on(self) -> None:
        grace = re.search(r"stop_grace_period: (\d+)s", (ROOT / "docker-compose.yml").read_text())
        assert grace
        assert int(grace[1]) > Settings().drain_seconds + 5

    def test_each_container_is_confined_and_bounded(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        for name, service in compose["services"].items():
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert service["read_only"], name
            assert service["mem_limit"], name
            assert service["pids_limit"], name

    def test_the_compose_file_shows_nobody_the_store_and_nothing_to_other_machines(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        store, ports = compose["services"]["redis"], compose["services"]["nginx"]["ports"]

        assert "--requirepass" in store["command"]
        assert "--maxmemory-policy noeviction" in store["command"]
        assert "ports" not in store
        assert compose["networks"][store["networks"][0]]["internal"]
        assert all(port.startswith("127.0.0.1:") for port in ports)

    def test_every_image_is_named_by_its_digest(self) -> None:
        text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
        images = re.findall(r"^(?: +image:|FROM) (.+)$", text, re.M)
        assert len(images) == 3
        assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)

    def test_what_the_docker_image_copies_is_there_and_not_ignored(self) -> None:
        copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
        names = [name for line in copied for name in line.split()]
        let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M)

        assert sorted(names) == sorted(let_in)
        assert all((ROOT / name).exists() for name in names)

    def test_the_docker_image_has_its_modules_compiled(self) -> None:
        """Its user may not write beside the modules, so that each process would compile them again."""
        steps = re.findall(r"^RUN ((?:.+\\\n)*.+)", (ROOT / "Dockerfile").read_text(), re.M)

        assert any("-m compileall -q qa_service" in step for step in steps)

    def test_the_flask_site_knows_its_users_and_refuses_strangers(
        self, bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QA_DATA", str(tmp_path))
        monkeypatch.setenv("SITE_SECRET", "0123456789abcdef")
        monkeypatch.syspath_prepend(str(ROOT / "examples/flask"))
        site: Flask = importlib.import_module("flask_site").app
        client = site.test_client()

        stranger = client.get("/help/api/config").status_code
        client.post("/login", data={"user": "ann"})

        assert stranger == 401
        assert client.get("/help/api/config").json["caller"] == {"kind": "site"}
        assert client.get("/").status_code == 200


class TestLocks:
    """What is installed to build and to test is what was built and tested with before."""

    @pytest.mark.parametrize(
        ("name", "groups"), [("requirements.lock", ("build",)), ("requirements-dev.lock", ("build", "dev"))]
    )
    def test_hold_a_version_that_suits_each_requirement(self, name: str, groups: tuple[str, ...]) -> None:
        locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.M))
        wanted = [*PROJECT["project"]["dependencies"]]
        wanted += [requirement for group in groups for requirement in PROJECT["dependency-groups"][group]]

        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement

    @pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
    def test_have_hashes_and_name_no_address(self, name: str) -> None:
        text = (ROOT / name).read_text()
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
        assert all("--hash=sha256:" in block for block in blocks)
        assert "://" not in text


class TestModules:
    def test_every_module_declares_its_layer(self) -> None:
        contracts = PROJECT["tool"]["importlinter"]["contracts"]
        declared = {
            f"{container}.{module.strip()}"
            for contract in contracts
            if contract["type"] == "layers" and contract["exhaustive"]
            for container in contract["containers"]
            for layer in contract["layers"]
            for module in layer.split("|")
        }
        files = (ROOT / "qa_service").rglob("*.py")
        modules = {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}

        assert declared == modules - {"qa_service"}

    def test_every_module_says_in_its_first_line_what_lives_there(self) -> None:
        silent = [
            file.name for file in texts() if file.suffix == ".py" and not ast.get_docstring(ast.parse(file.read_text()))
        ]
        assert not silent

    def test_a_public_name_stands_in_one_module_of_the_package(self) -> None:
        times = Counter(name for file in (ROOT / "qa_service").rglob("*.py") for name in public_names(file))
        assert {name for name, number in times.items() if number > 1} == set(REPEATED)


class TestText:
    def test_the_changelog_names_this_version_or_what_is_to_come_first(self) -> None:
        headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
        assert headings[0] in ("Unreleased", PROJECT["project"]["version"])

    def test_every_entry_of_the_changelog_is_whole_sentences_on_one_line(self) -> None:
        entries = re.findall(r"^- (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
        assert entries
        assert all(re.fullmatch(r"[A-Z`].*[^.]\.", entry) for entry in entries)

    def test_nothing_names_the_place_it_was_written_in(self) -> None:
        place = re.compile(r"(?<!\w)/(?:work|root|Users)/|\bTODO\b|\bFIXME\b")
        found = {
            str(file.relative_to(ROOT)): place.findall(file.read_text()) for file in texts() if file != Path(__file__)
        }
        assert {name: hits for name, hits in found.items() if hits} == {}
