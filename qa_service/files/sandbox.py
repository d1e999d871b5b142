"""This module isolates a process that reads a file from outside. The process gives up, in layers, what it doesn't need.

Each layer holds without the others:

| Layer | What it takes away | Where it is missing |
|---|---|---|
| limits | memory, processor time, writing files, other processes | macOS knows some of them |
| its own user | signals to the worker, the files of its user | where the worker may not change its user |
| Landlock | all files, TCP; from version 6 signals too | Linux before 5.13, and systems without it |
| seccomp | all system calls except those that reading needs | processors other than x86-64 and aarch64 |

A worker asks `find_gaps` which layers this machine lacks, and tells operators. A reading process enters every layer
that there is, and ends without reading anything where it can't. So the sandbox of each process has the layers that
operators were told of.
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
"""systemd's DynamicUser hands out these user numbers for a while, so no person's account has one of them."""
_NEEDED = 1 << 5 | 1 << 6 | 1 << 7
"""These bits stand for the capabilities to kill the processes of others, to change the group and to change the user, as
`capabilities(7)` describes them."""


def find_gaps() -> tuple[str, ...]:
    """Return a sentence for each layer that is missing on this machine. A reading process is isolated where there is
    none."""
    gaps = {
        "this system has no Landlock": not find_landlock(),
        "this system has no filter of system calls": not has_seccomp(),
        "the service runs as root, and may not give reading processes another user": _is_root() and not _free_user(),
    }
    return tuple(gap for gap, is_open in gaps.items() if is_open)


def describe_sandbox() -> str:
    """Return a line for operators that says how good the sandbox on this machine is."""
    gaps = find_gaps()
    return f"limited: {'; '.join(gaps)}" if gaps else "isolated"


def hide_process() -> None:
    """Make this process's memory and environment unreadable to other processes of the same user. It also writes no core
    dump then. Nothing is raised where the system can't do this."""
    with suppress(OSError):
        control_process(DUMPABLE, 0)


def enter_layers(*, memory: int) -> None:
    """Give up files, network, privileges and all but `memory` bytes of address space, for ever.

    Raises `OSError` where the system has a layer and refuses to enter it. `close_sandbox` takes away the rest.
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
    """Give up, for ever, to start threads and processes, and every system call that reading an open file doesn't need.

    Raises `OSError` where the kernel doesn't take the filter of system calls.
    """
    limit_process(resource.RLIMIT_NPROC, 0)
    if has_seccomp():
        install_filter()


def limit_process(limit: int, most: int, *, reserve: int = 0) -> None:
    """Lower one of the limits of `resource` to `most`. A process that has used up its processor time gets SIGXCPU, and
    is killed when it has used `reserve` seconds more. Nothing is raised where the system can't set the limit."""
    # macOS has names for all of these limits, but can't set some of them.
    with suppress(ValueError, OSError):
        resource.setrlimit(limit, (most, most + reserve))


def _is_root() -> bool:
    return os.geteuid() == 0


def _free_user() -> int:
    """Return the number of a user that this process may become, or 0 where root may not change its user."""
    if sys.platform != "linux":
        return 0
    user = _USERS[os.getpid() % len(_USERS)]
    is_mapped = all(_has_number(table, user) for table in ("uid_map", "gid_map"))
    return user if _capabilities() & _NEEDED == _NEEDED and is_mapped else 0


def _capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1], base=16) for line in lines if line.startswith("CapEff:")), 0)


def _has_number(table: str, number: int) -> bool:
    """Return whether this user namespace has the number. The namespace of a rootless container has few of them."""
    ranges = (map(int, line.split()) for line in Path("/proc/self", table).read_text().splitlines())
    return any(first <= number < first + count for first, _, count in ranges)


def _change_user(number: int) -> None:
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
