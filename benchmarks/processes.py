"""Processes as Linux accounts for them: starting one on its cores, its tree's CPU time and memory, its connections."""

import os
import resource
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


class Program:
    """A program on some of the cores, in a session of its own, so that all it starts ends with it. For use in a
    `with`."""

    def __init__(
        self, command: Sequence[str], *, log: Path, cores: Collection[int], environment: Mapping[str, str]
    ) -> None:
        with log.open("ab") as output, _on(cores):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


def allow_many_files() -> int:
    """Every stream is a few of them; how many there may be from now on, for our children too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid))}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu_seconds(root: int) -> float:
    """What a tree has worked since it began, children that have ended included; in steps of a hundredth."""
    return sum(int(ticks) * _TICK for pid in tree(root) for ticks in _stat(pid)[11:15])


def machine_seconds() -> float:
    """What all cores have worked since the machine was started, for whomever; a hypervisor's share included."""
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = (
        (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return sum(int(ticks) * _TICK for ticks in (user, nice, system, *interrupts_and_stolen))


def resident_kib(root: int) -> float:
    """What a tree holds in memory; what its processes share counts for each."""
    return sum(int(_stat(pid)[21]) * _PAGE / 1024 for pid in tree(root))


def holder(port: int, client_port: int, root: int) -> int:
    """Which process of a tree has accepted the connection from `client_port`; 0 while none has."""
    for _, ours, theirs, *fields in (row.split() for row in (PROC / "net/tcp").read_text().splitlines()):
        if ours.endswith(f":{port:04X}") and theirs.endswith(f":{client_port:04X}"):
            socket = f"socket:[{fields[6]}]"
            return next((pid for pid in tree(root) if socket in _open_files(pid)), 0)
    return 0


@contextmanager
def _on(cores: Collection[int]) -> Iterator[None]:
    """What is started meanwhile inherits these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _open_files(pid: int) -> set[str]:
    found = set()
    for file in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            found.add(os.readlink(file))
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields behind the name, the state being the first; none when the process has gone."""
    with suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []
