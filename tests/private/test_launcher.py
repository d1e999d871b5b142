"""The program that keeps a private server alive is run in this process."""

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa_service.private import launcher
from tests.lateness import Lateness
from tests.live.processes import until


def use_until(ready: Path, users: Path) -> None:
    """Use the server until it has made this file."""
    user = users.open("ab")
    fcntl.flock(user, fcntl.LOCK_SH)

    def leave_when_ready() -> None:
        until(ready.exists, 5, "the server is ready")
        user.close()

    threading.Thread(target=leave_when_ready).start()


class TestLauncher:
    @pytest.fixture(autouse=True)
    def keep_signals(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGTERM)
        yield
        signal.signal(signal.SIGTERM, before)

    @pytest.fixture
    def users(self, tmp_path: Path) -> Iterator[launcher.Users]:
        with (tmp_path / "users").open("ab") as file, (tmp_path / "users").open("ab") as user:
            fcntl.flock(user, fcntl.LOCK_SH)
            yield launcher.Users(file, 0.1)

    def test_it_ends_its_server_when_nobody_uses_it(self, tmp_path: Path) -> None:
        began, late = time.monotonic(), Lateness()
        launcher.launch([str(tmp_path / "users"), "0.2", "socket", "15", "-", "/bin/sleep", "60"])
        assert 0.2 <= time.monotonic() - began < 5 + late.seconds

    def test_it_gives_up_on_a_server_that_keeps_dying(self, tmp_path: Path, users: launcher.Users) -> None:
        count = tmp_path / "count"
        dying = launcher.Server(["/bin/sh", "-c", f"echo >> {count}"], "socket")
        launcher.keep_server(dying, users, pauses=(0, 0.01, 0.02))
        assert len(count.read_text()) == 3

    def test_a_server_whose_socket_is_gone_counts_as_dead(self, tmp_path: Path, users: launcher.Users) -> None:
        socket = tmp_path / "socket"
        script = f"touch {socket}; sleep 0.3; rm {socket}; exec sleep 60"
        assert not launcher.run_server(launcher.Server(["/bin/sh", "-c", script], str(socket)), users)

    def test_a_server_that_will_not_stop_is_killed(
        self, tmp_path: Path, users: launcher.Users, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(launcher, "STOP_SECONDS", 0.1)
        socket = tmp_path / "socket"
        script = f"trap '' TERM; touch {socket}; sleep 0.3; rm {socket}; while :; do sleep 1; done"
        assert not launcher.run_server(launcher.Server(["/bin/sh", "-c", script], str(socket)), users)

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such signal")
    def test_a_server_asks_to_be_killed_with_its_launcher(self) -> None:
        asked = ctypes.c_int()
        launcher.die_with(os.getppid())
        ctypes.CDLL(None).prctl(2, ctypes.byref(asked))
        ctypes.CDLL(None).prctl(launcher.PR_SET_PDEATHSIG, 0)
        assert asked.value == signal.SIGKILL

    def test_a_signal_ends_the_server_too(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"

        def stop_what_runs() -> None:
            until(runs.exists, 5, "the server runs")
            time.sleep(0.3)  # By then the launcher waits for the server, also on a busy machine.
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop_what_runs).start()
        command = ["/bin/sh", "-c", f"touch {runs}; exec sleep 60"]
        with pytest.raises(SystemExit):
            launcher.launch([str(tmp_path / "users"), "60", "socket", "15", "-", *command])

    def test_a_server_is_stopped_by_the_signal_that_it_knows(self, tmp_path: Path) -> None:
        told, ready, users = tmp_path / "told", tmp_path / "ready", tmp_path / "users"
        script = f"trap 'echo interrupted > {told}; exit' INT; touch {ready}; while :; do sleep 0.05; done"
        use_until(ready, users)
        launcher.launch([str(users), "0.1", "socket", str(int(signal.SIGINT)), "-", "/bin/sh", "-c", script])
        assert told.read_text() == "interrupted\n"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a server as somebody else")
    def test_a_server_runs_as_the_user_that_was_named(self, tmp_path: Path) -> None:
        users, told = tmp_path / "users", tmp_path / "told"
        script = f"id -u > {tmp_path}/user; id -G >> {tmp_path}/user; touch {told}; exec sleep 60"
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and "pytest" in str(folder):
                folder.chmod(0o777)
        use_until(told, users)
        launcher.launch([str(users), "0.1", "socket", "15", "65534", "/bin/sh", "-c", script])
        assert (tmp_path / "user").read_text().split() == ["65534", "65534"]
