"""The private Valkey of a data folder, with real servers that are killed, and a launcher that is."""

import fcntl
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from qa_service.errors import StoreUnavailable
from qa_service.private import server as private
from qa_service.stores import embedded
from qa_service.stores.embedded import embedded_pool, find_server, socket_path, start_store
from qa_service.stores.guard import StoreGuard
from qa_service.stores.memory import store_memory
from tests.lateness import Lateness
from tests.private.ending import has_ended

LINGER = 0.4
ROOT = Path(__file__).parents[2]

Connect = Callable[[Path], redis.Redis]


@pytest.fixture
def data(quick_folder: Path) -> Iterator[Path]:
    """Give a folder for a store. While a slow disk takes earlier writes, a store replies before it has handed the next
    ones to the system. A store that is killed then loses those."""
    with tempfile.TemporaryDirectory(dir=quick_folder) as folder:
        data = Path(folder) / "qa"
        yield data
        shutil.rmtree(socket_path(data).parent)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Give clients of the store of a folder. After the test all of them leave, and every server must have ended."""
    clients: dict[redis.Redis, Path] = {}

    def new(data: Path) -> redis.Redis:
        client = redis.Redis.from_pool(embedded_pool(data, max_connections=8, timeout=0.6, linger=LINGER))
        clients[client] = data.resolve()
        return client

    yield new
    folders = set(clients.values())
    leave(*clients)
    for folder in folders:
        assert has_ended(folder / "valkey")


def leave(*clients: redis.Redis) -> None:
    """Do what the end of a process does: the connections and the lock of its users file go."""
    for client in clients:
        if hasattr(client, "connection_pool"):
            client.close()
            del client.connection_pool
    gc.collect()


def server_of(client: redis.Redis) -> int:
    return int(client.info("server")["process_id"])


def launcher_of(client: redis.Redis) -> int:
    found = subprocess.run(["ps", "-o", "ppid=", "-p", str(server_of(client))], capture_output=True, check=True)
    return int(found.stdout)


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start another process that uses the package."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


SHARE = """
import sys, pathlib, redis
from qa_service.stores.embedded import embedded_pool
client = redis.Redis.from_pool(embedded_pool(pathlib.Path(sys.argv[1]), max_connections=2, timeout=0.6, linger=0.4))
client.incr("visits")
print(client.info("server")["process_id"], flush=True)
sys.stdin.read()
"""


class TestSharing:
    def test_processes_that_come_at_once_share_one_server(self, data: Path, connect: Connect) -> None:
        children = [child(SHARE, data) for _ in range(4)]
        servers = {int(one.stdout.readline()) for one in children if one.stdout}
        client = connect(data)
        assert servers == {server_of(client)}
        assert client.get("visits") == b"4"
        for one in children:
            one.communicate()

    def test_two_data_folders_are_two_stores(self, data: Path, connect: Connect) -> None:
        connect(data / "one").set("key", "one")
        assert connect(data / "two").get("key") is None

    def test_a_relative_folder_is_the_same_store(
        self, data: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(data.parent)
        relative = connect(Path("qa"))
        monkeypatch.chdir("/")
        connect(data).set("key", "value")
        relative.connection_pool.disconnect()
        assert relative.get("key") == b"value"

    def test_a_pool_made_before_a_fork_serves_both_sides(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "parent")
        fork = os.fork()
        if fork == 0:
            os._exit(0 if client.getset("key", "child") == b"parent" else 1)
        assert os.waitpid(fork, 0)[1] == 0
        assert client.get("key") == b"child"

    def test_greenlets_share_it_and_recover_it(self, data: Path) -> None:
        """Under a patched standard library many greenlets at once outlive the death of server and launcher. A visit
        whose reply was lost may count twice, and one that only the dying server has counted may be lost."""
        before, after = map(int, child(GREENLETS, data).communicate()[0].split())
        assert before == 40
        assert 40 <= after <= 120
        assert has_ended(data / "valkey")


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, os, pathlib, redis, subprocess, sys
from qa_service.stores.embedded import embedded_pool
client = redis.Redis.from_pool(embedded_pool(pathlib.Path(sys.argv[1]), max_connections=40, timeout=3, linger=0.4))
def visit():
    gevent.joinall([gevent.spawn(client.incr, "visits") for _ in range(40)], raise_error=True)
    print(client.get("visits").decode())
visit()
client.waitaof(1, 0, 9000)
server = client.info("server")["process_id"]
os.kill(int(subprocess.run(["ps", "-o", "ppid=", "-p", str(server)], capture_output=True).stdout), 9)
visit()
"""


class TestRecovery:
    @pytest.fixture(autouse=True)
    def _patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wait longer than a request would, because a busy machine may take more than a second to start a server."""
        monkeypatch.setattr(embedded, "_RECOVERY_SECONDS", 20)

    def test_a_killed_server_comes_back_with_its_keys(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        killed = server_of(client)
        os.kill(killed, signal.SIGKILL)
        assert client.get("key") == b"value"
        assert server_of(client) != killed

    def test_a_killed_launcher_takes_its_server_along_and_both_come_back(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        killed = server_of(client)
        os.kill(launcher_of(client), signal.SIGKILL)
        assert has_ended(data / "valkey")
        assert client.get("key") == b"value"
        assert server_of(client) != killed

    def test_a_stopped_launcher_ends_the_server_and_both_come_back(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        os.kill(launcher_of(client), signal.SIGTERM)
        assert has_ended(data / "valkey")
        assert client.get("key") == b"value"

    def test_users_that_are_killed_count_as_gone(self, data: Path) -> None:
        user = child(SHARE, data)
        assert user.stdout
        assert user.stdout.readline()
        user.kill()
        user.communicate()
        assert has_ended(data / "valkey")

    def test_what_was_kept_is_there_after_all_have_gone(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        leave(client)
        assert has_ended(data / "valkey")
        assert connect(data).get("key") == b"value"

    def test_it_leaves_nothing_outside_its_data_folder(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        folder = socket_path(data).parent
        leave(client)
        assert has_ended(data / "valkey")
        assert not folder.exists()

    def test_it_runs_on_as_long_as_there_is_a_user(self, data: Path, connect: Connect) -> None:
        first, second = connect(data), connect(data)
        server = server_of(first)
        leave(first)
        assert not has_ended(data / "valkey", seconds=3 * LINGER)
        assert server_of(second) == server

    def test_who_comes_while_the_launcher_ends_waits_for_it(self, data: Path, connect: Connect) -> None:
        leave(connect(data))
        assert has_ended(data / "valkey")
        with (data / "valkey" / "users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            threading.Timer(0.3, users.close).start()
            began = time.monotonic()
            assert connect(data).ping()
        assert time.monotonic() - began > 0.3

    def test_a_socket_that_somebody_deleted_comes_back(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        client.connection_pool.disconnect()
        time.sleep(LINGER)
        socket_path(data).unlink()
        assert client.get("key") == b"value"

    def test_it_has_a_bound_at_which_nothing_is_thrown_away(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        assert client.config_get("maxmemory")["maxmemory"] == str(store_memory())
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"

    def test_its_bound_may_be_chosen(self, data: Path) -> None:
        pool = embedded_pool(data, max_connections=1, timeout=0.6, memory=64 << 20, linger=LINGER)
        client = redis.Redis.from_pool(pool)
        assert client.config_get("maxmemory")["maxmemory"] == str(64 << 20)
        del pool
        leave(client)
        assert has_ended(data / "valkey")

    def test_an_append_only_file_cut_by_a_crash_is_read(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        client.set("key", "value")
        client.set("last", "value")
        leave(client)
        assert has_ended(data / "valkey")
        written = next((data / "valkey" / "appendonlydir").glob("*.incr.aof"))
        os.truncate(written, written.stat().st_size - 3)
        client = connect(data)
        assert client.get("key") == b"value"
        assert client.get("last") is None


class TestHungServer:
    def test_a_hung_server_costs_less_than_a_second(self, data: Path, connect: Connect) -> None:
        client, guard = connect(data), StoreGuard()
        server = server_of(client)
        os.kill(server, signal.SIGSTOP)
        began = time.monotonic()
        for _ in range(5):
            with pytest.raises(StoreUnavailable), guard:
                client.ping()
        cost = time.monotonic() - began
        os.kill(server, signal.SIGCONT)
        assert cost < 1


class TestPrivacy:
    def test_only_its_user_can_reach_it(self, data: Path, connect: Connect) -> None:
        connect(data)
        for path in (data, data / "valkey", socket_path(data).parent, socket_path(data)):
            assert path.stat().st_mode & 0o777 == 0o700

    def test_no_key_of_ours_is_in_its_environment(
        self, data: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
        client = connect(data)
        for number in (server_of(client), launcher_of(client)):
            told = subprocess.run(["ps", "eww", "-p", str(number)], capture_output=True, check=True).stdout
            assert b"sk-secret" not in told

    def test_a_socket_folder_that_others_can_enter_is_refused(self, data: Path) -> None:
        folder = socket_path(data).parent
        folder.chmod(0o755)
        with pytest.raises(StoreUnavailable, match="not private to this user"):
            embedded_pool(data, max_connections=1, timeout=0.6)
        folder.rmdir()

    def test_a_socket_folder_that_is_a_link_is_refused(self, data: Path, tmp_path: Path) -> None:
        folder = socket_path(data).parent
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(StoreUnavailable, match="not private to this user"):
            socket_path(data)
        folder.unlink()

    def test_a_long_path_for_temporary_files_still_gives_a_short_socket(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))
        path = socket_path(data)
        assert len(os.fsencode(path)) <= 103
        path.parent.rmdir()


class TestFailures:
    def test_no_server_anywhere_says_what_to_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(StoreUnavailable, match="set REDIS_URL"):
            find_server("no_such_wheel")

    @pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
    def test_a_server_on_the_path_serves_where_the_wheel_has_none(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / name
        program.touch(mode=0o700)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_server("no_such_wheel") == str(program)

    def test_a_server_that_cannot_start_is_reported_without_a_path(
        self, data: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        files = data / "valkey" / "appendonlydir"
        files.mkdir(parents=True)
        (files / "appendonly.aof.manifest").write_text("nonsense\n")
        with pytest.raises(StoreUnavailable) as failure:
            embedded_pool(data, max_connections=1, timeout=0.6)
        assert str(data) not in failure.value.message
        assert str(data) in caplog.text
        assert has_ended(data / "valkey")

    def test_files_that_cannot_be_used_are_reported(self, data: Path) -> None:
        data.write_text("no folder")
        with pytest.raises(StoreUnavailable, match="QA_DATA"):
            embedded_pool(data, max_connections=1, timeout=0.6)

    def test_waiting_for_a_server_that_is_hung_ends(self, data: Path, connect: Connect) -> None:
        server = server_of(connect(data))
        os.kill(server, signal.SIGSTOP)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            start_store(data, seconds=0.1)
        os.kill(server, signal.SIGCONT)

    def test_a_lock_that_somebody_keeps_is_reported(
        self, data: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The launcher of another machine or container has the folder, or one that never ends."""
        leave(connect(data))
        assert has_ended(data / "valkey")
        monkeypatch.setattr(private, "START_SECONDS", 0.1)
        with (data / "valkey" / "users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            with pytest.raises(StoreUnavailable, match="does not answer"):
                embedded_pool(data, max_connections=1, timeout=0.6)

    def test_a_lock_that_somebody_else_has_is_reported_where_there_is_no_log(self, data: Path) -> None:
        (data / "valkey").mkdir(parents=True)
        with (data / "valkey" / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StoreUnavailable, match="does not answer"):
                start_store(data, seconds=0.1)

    def test_a_connection_reports_a_store_that_does_not_come_back_in_time(self, data: Path, connect: Connect) -> None:
        client = connect(data)
        os.kill(launcher_of(client), signal.SIGTERM)
        assert has_ended(data / "valkey")
        with (data / "valkey" / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            began, late = time.monotonic(), Lateness()
            with pytest.raises(redis.TimeoutError):
                client.ping()
        assert time.monotonic() - began < 1 + late.seconds
