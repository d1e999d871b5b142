"""This module starts processes on some of the cores, and reads what Linux says of them: the CPU time and the memory of
a process with all its descendants, and who holds a connection."""

import os
import resource
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


class Program:
    """A `Program` runs on some of the cores, in a session of its own, so that all that it starts ends with it. It is
    used in a `with`."""

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
    """Raise the limit of open files, because every stream takes a few, and return it. It holds for children, too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def tree(root: int) -> list[int]:
    """Return the ids of a process and of all its descendants."""
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid))}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def parent(pid: int) -> int:
    """Return the id of the process that started this one, or 0 where it is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of a process with all its descendants since they began, in steps of a hundredth. Children
    that have ended count too."""
    return sum(int(ticks) * _TICK for pid in tree(root) for ticks in _stat(pid)[11:15])


def machine_seconds() -> float:
    """Return the CPU seconds of all cores since the machine was started, for all programs and the hypervisor."""
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = (
        (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return sum(int(ticks) * _TICK for ticks in (user, nice, system, *interrupts_and_stolen))


def memory_kib(root: int) -> int:
    """Return the KiB of memory of a process with all its descendants. Memory that several processes share is divided
    among them."""
    return sum(map(_own_kib, tree(root)))


def holder(port: int, client_port: int, root: int) -> int:
    """Return the id of the process, among `root` and its descendants, that has accepted the connection from
    `client_port`. It is 0 while none has."""
    for _, ours, theirs, *fields in (row.split() for row in (PROC / "net/tcp").read_text().splitlines()):
        if ours.endswith(f":{port:04X}") and theirs.endswith(f":{client_port:04X}"):
            socket = f"socket:[{fields[6]}]"
            return next((pid for pid in tree(root) if socket in _open_files(pid)), 0)
    return 0


@contextmanager
def _on(cores: Collection[int]) -> Iterator[None]:
    """Run on these cores meanwhile, so that what is started inherits them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _own_kib(pid: int) -> int:
    with suppress(OSError):  # It has ended meanwhile.
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


def _open_files(pid: int) -> set[str]:
    found = set()
    for file in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            found.add(os.readlink(file))
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """Return the fields behind the name, of which the state is the first. There are none when the process has gone."""
    with suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []
