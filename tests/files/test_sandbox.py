"""These tests show what a reading process can no longer do. A real one tries, as root's and as an ordinary user's."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which

import pytest

from qa_service.files import sandbox
from qa_service.files.landlock import find_landlock
from qa_service.files.parsed import FILE, PAGE
from qa_service.files.sandbox import describe_sandbox, find_gaps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")

ROOT = Path(__file__).parents[2]
# The ordinary user may read whatever root may, since Python can lie in root's folder. That makes the test harder.
AS_USER = [
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    *(f"--{caps}=-all,+dac_read_search" for caps in ("inh-caps", "ambient-caps", "bounding-set")),
]
WITHOUT = "from qa_service.files import child, sandbox\n"
OPEN = f"{WITHOUT}child.enter_layers = lambda memory: None; child.close_sandbox = int\n"
WITHOUT_SECCOMP = f"{WITHOUT}sandbox.has_seccomp = int\n"
WITHOUT_LANDLOCK = f"{WITHOUT}sandbox.find_landlock = int\n"
ROOT_GAP = "the service runs as root, and may not give reading processes another user"
FILES = {
    "read the worker's environment",
    "open the worker's memory",
    "read the secret",
    "list the data",
    "write a file",
    "delete a file",
    "make a folder",
    "open the upload by its path",
    "write to the upload",
}
Intrude = Callable[..., dict[str, str]]


@pytest.fixture(params=["root", "user"])
def intrude(request: pytest.FixtureRequest, tmp_path: Path) -> Intrude:
    """Run the intruder beside a worker of root's, and beside one of an ordinary user's."""
    if os.geteuid() or not which("setpriv"):
        pytest.skip("only root can be both")
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    start = AS_USER if request.param == "user" else []

    def run(program: str = "", request: bytes = FILE) -> dict[str, str]:
        command = [*start, sys.executable, "-m", "tests.files.intruder", str(folder), program, request.decode()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True, timeout=30)
        outcomes: dict[str, str] = json.loads(done.stdout)
        return outcomes

    return run


def done(outcomes: Mapping[str, str]) -> set[str]:
    return {name for name, outcome in outcomes.items() if outcome == "done"}


def test_an_intruder_gets_nowhere(intrude: Intrude) -> None:
    outcomes = intrude()

    assert done(outcomes) == set()
    assert len(outcomes) > 25


def test_a_page_that_took_its_parser_over_gets_nowhere(intrude: Intrude) -> None:
    outcomes = intrude(request=PAGE)

    assert done(outcomes) == set()
    assert {"connect", "read the worker's environment"} <= outcomes.keys()


def test_without_a_sandbox_an_intruder_gets_everywhere(intrude: Intrude) -> None:
    outcomes = intrude(OPEN)

    assert {"delete a file", "speak to the store", "signal the worker", "start a process"} <= done(outcomes)
    assert len(done(outcomes)) > 15


def test_landlock_alone_keeps_files_and_signals(intrude: Intrude) -> None:
    outcomes = intrude(WITHOUT_SECCOMP)

    assert not (FILES | {"connect", "signal the worker", "start a process", "trace the worker"}) & done(outcomes)


def test_the_filter_alone_keeps_everything(intrude: Intrude) -> None:
    assert done(intrude(WITHOUT_LANDLOCK)) == set()


def test_every_version_of_landlock_keeps_files() -> None:
    """A kernel takes the rules that an older one knows."""
    program = """
import os
from qa_service.files.landlock import enter_landlock, find_landlock
from qa_service.files.kernel import NO_NEW_PRIVILEGES, control_process
control_process(NO_NEW_PRIVILEGES, 1)
for version in range(1, find_landlock() + 1):
    if os.fork() == 0:
        enter_landlock(version)
        try:
            open("/etc/passwd")
        except PermissionError:
            os._exit(7)
        os._exit(0)
    print(version, os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)

    assert done.stdout.splitlines() == [f"{number} 7" for number in range(1, find_landlock() + 1)]


class TestGaps:
    def test_a_machine_with_all_layers_is_isolated(self) -> None:
        assert find_gaps() == ()
        assert describe_sandbox() == "isolated"

    @pytest.mark.parametrize(
        ("probe", "gap"),
        [
            ("find_landlock", "this system has no Landlock"),
            ("has_seccomp", "this system has no filter of system calls"),
        ],
    )
    def test_a_layer_that_is_missing_is_said(self, probe: str, gap: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sandbox, probe, lambda: 0)

        assert describe_sandbox() == f"limited: {gap}"

    def test_root_that_may_not_change_its_user_is_a_gap(self) -> None:
        if os.geteuid():
            pytest.skip("only root can be restricted so")
        program = "from qa_service.files.sandbox import describe_sandbox; print(describe_sandbox())"
        command = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", sys.executable, "-c", program]

        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)

        assert done.stdout.strip() == f"limited: {ROOT_GAP}"

    def test_root_of_a_container_without_users_is_a_gap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if os.geteuid():
            pytest.skip("only root changes its user")
        monkeypatch.setattr(sandbox, "_USERS", range(1 << 32, (1 << 32) + 9))

        assert find_gaps() == (ROOT_GAP,)
