"""This module has real processes for the live tests: starting them, waiting for them, and looking into them from
outside."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path
from typing import TypeAlias
from urllib.error import HTTPError

import pytest
from msgspec import to_builtins

from tests.live.fork_server import ROOT, ForkedServer, fork_gunicorn
from tests.scripts import Script

BIN = Path(sys.executable).parent
SECRET = "a-secret-of-tests-0123456789"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.02
BUSY = 3
"""On a machine that is busy, everything may take this many times as long."""
LISTENING = "0A"
HEALTH = "/api/healthz"
FIRST_PORT = int(os.environ.get("LIVE_PORTS", "18000"))
"""All ports of the live tests lie above this one and below those that the system gives to clients."""
RUN_PORTS, WORKER_PORTS = 1000, 60
"""Each run of the tests, and each of the processes that share a run, has ports of its own."""

Process: TypeAlias = subprocess.Popen[bytes] | ForkedServer
Start: TypeAlias = Callable[..., AbstractContextManager[Process]]

_RUN = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_BEGIN = FIRST_PORT + _RUN % 10 * RUN_PORTS + _WORKER * WORKER_PORTS
PORTS = range(_BEGIN, _BEGIN + WORKER_PORTS)
_ports = cycle(PORTS)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on. No port is given again before all others of this process were given."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in islice(_ports, len(PORTS)):
        with socket.socket(family) as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    raise AssertionError(f"no free port in {PORTS}")


def program(name: str) -> str:
    """Return the path of a program. The test is skipped where it isn't installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def until(true: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until something holds that comes within this many seconds on an idle machine. Return how long it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > BUSY * seconds:
            raise AssertionError(f"not within {BUSY} times {seconds} s: {what}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


@contextmanager
def running(
    command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, which is gone afterwards. What it printed is in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=clean_environment(env or {}), stdout=output, stderr=output, start_new_session=True
        )
    with ended_afterwards(process):
        yield process


@contextmanager
def listening(
    command: Sequence[str],
    *ports: int,
    cwd: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    seconds: float = 10,
) -> Iterator[None]:
    """Run a program in the same way, and wait until it takes connections at all of these ports."""
    with running(command, cwd=cwd, log=log, env=env) as process:
        until(lambda: process.poll() is not None or all(map(listens, ports)), seconds, f"{command[0]} listens")
        assert process.poll() is None, log.read_text()
        yield


@contextmanager
def model_process(folder: Path) -> Iterator[str]:
    """Give the address of a scripted model's service in a process of its own, whose work is not this one's."""
    port = free_port()
    command = [sys.executable, str(ROOT / "tests/scripted_upstream.py"), "--port", str(port)]
    with listening(command, port, cwd=ROOT, log=folder / "upstream.log"):
        yield f"http://127.0.0.1:{port}"


def queue_script(upstream: str, script: Script) -> None:
    """Queue a script for the next request that reaches the model's service at this address."""
    body = json.dumps(to_builtins(script)).encode()
    urllib.request.urlopen(urllib.request.Request(f"{upstream}/script", body), timeout=10).close()


@contextmanager
def forked(command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str]) -> Iterator[ForkedServer]:
    """Do the same for the command `gunicorn`, which so starts with a fifth of the work."""
    process = fork_gunicorn(command[1:], cwd=cwd, log=log, env=clean_environment(env))
    with ended_afterwards(process):
        yield process


@contextmanager
def ended_afterwards(process: Process) -> Iterator[None]:
    """Leave nothing of the process group afterwards."""
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS / 5)
        process.wait()


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without anybody's settings of the service, and with these."""
    ours = re.compile(r"QA_.*|OPENAI_.*|REDIS_URL|HOST|PORT|WEB_CONCURRENCY|COVERAGE_.*")
    kept = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def answers(url: str) -> bool:
    """Tell whether something there speaks HTTP and is well."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:
        return bool(response.status == 200)
    return False


def status(url: str, **headers: str) -> int:
    """Return the status of a GET."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


def listens(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Service:
    """A `Service` is a service that runs; `process` is the one that was started."""

    def __init__(self, process: Process, port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    @property
    def said(self) -> str:
        """Return what it printed."""
        return log_of(self.folder, self.port).read_text()

    def uploads(self) -> list[Path]:
        return list((self.folder / "data/uploads").iterdir())

    def workers(self) -> list[int]:
        """Return the ids of gunicorn's worker processes."""
        return children(self.process.pid)

    def worker_of(self, connection: socket.socket) -> int:
        """Return which worker has the other end of this connection."""
        here, there = connection.getsockname()[1], self.port
        return next(pid for pid in self.workers() if _inode(there, here) in _sockets(pid))

    def process_of(self, worker: str) -> int:
        """Return the process id of a worker, by the name that workers know each other by. It is 0 if the worker is no
        more."""
        sign = str(self.folder / "data/workers" / worker)
        return next((pid for pid in self.workers() if sign in _links(pid)), 0)

    def connections(self, health: str = HEALTH) -> dict[int, http.client.HTTPConnection]:
        """Return a connection to each worker, kept for the next request."""
        found: dict[int, http.client.HTTPConnection] = {}
        spare = []
        for _ in range(300):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", health)
            connection.getresponse().read()
            if found.setdefault(self.worker_of(connection.sock), connection) is not connection:
                spare.append(connection)
            if set(found) >= set(self.workers()):
                break
        for connection in spare:
            connection.close()
        return found

    def until_workers(self, count: int, *, without: Collection[int] = ()) -> None:
        """Wait until this many workers serve, and none of these is among them."""

        def all_serve() -> bool:
            workers = self.workers()
            signs = self.folder / "data/workers"
            serving = [pid for pid in workers if any(link.startswith(str(signs)) for link in _links(pid))]
            return len(workers) == count == len(serving) and not set(without) & set(workers)

        until(all_serve, START_SECONDS, f"{count} workers serve")


def log_of(folder: Path, port: int) -> Path:
    return folder / f"service-{port}.log"


@contextmanager
def service(
    command: Sequence[str], folder: Path, port: int, *, health: str = HEALTH, start: Start = running, **settings: str
) -> Iterator[Service]:
    """Give the service, which some command has started, once it answers at the path `health`."""
    quick = {"QA_RATE": "100000/minute", "QA_SEMANTIC": "off", "QA_TOKENIZER": "off"}
    env = {"QA_DATA": str(folder / "data"), **quick, **settings, "PORT": str(port)}
    with start(command, cwd=folder, log=log_of(folder, port), env=env) as process:
        found = Service(process, port, folder)
        until(
            lambda: answers(found.url + health) or process.poll() is not None,
            START_SECONDS,
            "the service answers",
        )
        assert process.poll() is None, found.said
        yield found


def gunicorn(
    folder: Path, *, app: str = "wsgi:app", start: Start = forked, **settings: str
) -> AbstractContextManager[Service]:
    """Start the service as an operator does, with two workers. Visitors are welcome."""
    command = [str(BIN / "gunicorn"), "-c", str(ROOT / "gunicorn.conf.py"), "--chdir", str(ROOT), app]
    usual = {"WEB_CONCURRENCY": "2", "QA_ALLOW_ANONYMOUS": "on", "QA_SECRET": SECRET}
    port = int(settings.get("PORT", 0)) or free_port()
    return service(command, folder, port, start=start, **{**usual, **settings})


def newcomer(folder: Path, **settings: str) -> AbstractContextManager[Service]:
    """Start what `qa-service serve` becomes once it has printed its greeting. It has no key and no Redis, and is for
    this machine alone."""
    app = "qa_service.web.serving:make_served_app()"
    command = [str(BIN / "gunicorn"), "-c", str(ROOT / "gunicorn.conf.py"), app]
    return service(command, folder, free_port(), start=forked, **settings)


def children(pid: int) -> list[int]:
    """Return the processes that it started and that still live."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processes_naming(word: str) -> list[int]:
    """Return the processes with this word in their command line, as the embedded store has its folder's name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def open_names(pid: int) -> Counter[str]:
    """Return what a process has open, and how many of each kind."""
    names = Counter[str]()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            names[os.readlink(link).partition(":[")[0]] += 1
    return names


def sockets_to(pid: int, port: int) -> int:
    """Return how many connections it has on its own port."""
    own = _sockets(pid)
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(_port(line[1]) == port and line[9] in own and line[3] != LISTENING for line in lines)


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def memory(pid: int) -> int:
    """Return how many bytes of memory are resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _inode(local: int, remote: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (_port(fields[1]), _port(fields[2])) == (local, remote):
            return fields[9]
    return "none"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _sockets(pid: int) -> set[str]:
    return {link.removeprefix("socket:[").removesuffix("]") for link in _links(pid)}


def _links(pid: int) -> set[str]:
    """Return what its files are."""
    found = set()
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(path))
    return found
