"""What a process gives up before it reads a file from outside, in layers that each hold without the others.

| Layer | What it takes away | Where it is missing |
|---|---|---|
| limits | memory, processor time, writing files, other processes | macOS knows some of them |
| its own user | signals to the worker, the files of its user | where the worker is an ordinary user, who has but one |
| Landlock | all files, TCP; from version 6 signals too | Linux before 5.13, and systems without it |
| seccomp | every system call but those that reading needs | other processors than x86-64 and aarch64 |

A worker asks `find_gaps` before it starts a reading process, which then enters every layer that there is, or ends:
what a worker says of the sandbox is what its reading processes have.
"""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from qa_service.files.kernel import DUMPABLE, NO_NEW_PRIVILEGES, control_process
from qa_service.files.landlock import enter_landlock, find_landlock
from qa_service.files.seccomp import has_seccomp, install_filter

_OPEN_FILES = 32
_USERS = range(61184, 65520)
"""User numbers that systemd's DynamicUser hands out for a while, so that no account of a person has them."""
_NEEDED = 1 << 5 | 1 << 6 | 1 << 7
"""The capabilities to kill processes of others and to change group and user, as `capabilities(7)` numbers them."""


def find_gaps() -> tuple[str, ...]:
    """Say which layers are missing on this machine; empty where a reading process is isolated."""
    gaps = {
        "this system has no Landlock": not find_landlock(),
        "this system has no filter of system calls": not has_seccomp(),
        "the service runs as root, and may not give reading processes another user": _is_root() and not _free_user(),
    }
    return tuple(gap for gap, is_open in gaps.items() if is_open)


def describe_sandbox() -> str:
    """Say in a line for operators what the sandbox amounts to on this machine."""
    gaps = find_gaps()
    return f"limited: {'; '.join(gaps)}" if gaps else "isolated"


def hide_process() -> None:
    """Keep other processes of the same user out of this one's memory and environment. There are no core dumps then."""
    with suppress(OSError):
        control_process(DUMPABLE, 0)


def enter_layers(*, memory: int) -> None:
    """Give up, for good, files, network, privileges and most of the memory, which is `memory` bytes of address space.

    Raises `OSError` where the system has a layer and refuses it. `close_sandbox` takes the rest away.
    """
    limit_process(resource.RLIMIT_AS, memory)
    limit_process(resource.RLIMIT_FSIZE, 0)
    limit_process(resource.RLIMIT_CORE, 0)
    limit_process(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if user := _is_root() and _free_user():
        _change_user(user)
    if sys.platform == "linux":
        control_process(NO_NEW_PRIVILEGES, 1)
        hide_process()
    if version := find_landlock():
        enter_landlock(version)


def close_sandbox() -> None:
    """Give up starting threads and processes, and every system call that reading an open file doesn't need."""
    limit_process(resource.RLIMIT_NPROC, 0)
    if has_seccomp():
        install_filter()


def limit_process(limit: int, most: int, *, reserve: int = 0) -> None:
    """Lower one of the limits of `resource`. What goes on for `reserve` more after a warning is ended."""
    # macOS knows some of the limits by name only.
    with suppress(ValueError, OSError):
        resource.setrlimit(limit, (most, most + reserve))


def _is_root() -> bool:
    return os.geteuid() == 0


def _free_user() -> int:
    """Give the number of a user that this process may become, or 0 where root may not change its user."""
    if sys.platform != "linux":
        return 0
    user = _USERS[os.getpid() % len(_USERS)]
    is_mapped = all(_has_number(table, user) for table in ("uid_map", "gid_map"))
    return user if _capabilities() & _NEEDED == _NEEDED and is_mapped else 0


def _capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1], base=16) for line in lines if line.startswith("CapEff:")), 0)


def _has_number(table: str, number: int) -> bool:
    """Whether this user namespace knows the number. A rootless container knows few."""
    ranges = (map(int, line.split()) for line in Path("/proc/self", table).read_text().splitlines())
    return any(first <= number < first + count for first, _, count in ranges)


def _change_user(number: int) -> None:
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
