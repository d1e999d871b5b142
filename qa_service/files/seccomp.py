"""This module filters system calls (seccomp), so that a process can use its memory, clock and open files, and no more.

The filter lists the calls that are allowed, so that a call which only a newer kernel has is refused too. It is a
program for the kernel's packet filter: https://docs.kernel.org/userspace-api/seccomp_filter.html. The library for this
on PyPI needs a system library that slim containers don't have.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from errno import EPERM

from qa_service.files.kernel import call_kernel

_PROCESSORS = {"x86_64": 0, "aarch64": 1}
"""It maps the name of a processor to its column in the tables below."""
_ARCHITECTURES = (0xC000003E, 0xC00000B7)
_SECCOMP = (317, 277)

_ALLOWED: Mapping[str, tuple[int, ...]] = {
    "read": (0, 63),
    "write": (1, 64),
    "futex": (202, 98),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "brk": (12, 214),
    "membarrier": (324, 283),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "poll": (7,),
    "ppoll": (271, 73),
    "pread64": (17, 67),
    "readv": (19, 65),
    "recvmsg": (47, 212),
    "writev": (20, 66),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "getrusage": (98, 165),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "time": (201,),
    "times": (100, 153),
    "getcpu": (309, 168),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getpid": (39, 172),
    "getrandom": (318, 278),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "sysinfo": (99, 179),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
}
"""These calls are allowed with any arguments. The numbers are those of x86-64 and aarch64, which lacks some calls."""
_TO_ITSELF: Mapping[str, tuple[int, ...]] = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131)}
"""These calls are allowed if the first argument is the process itself, because a library that gets no memory ends its
process by SIGABRT."""
_LIMITS: Mapping[str, tuple[int, ...]] = {"prlimit64": (302, 261)}
"""This call is allowed if the first argument is 0, which stands for the process itself: it lowers its own limits."""

_SET_FILTER, _FIND_ACTION, _ALL_THREADS = 1, 2, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_LOAD, _COMPARE, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""These are the offsets of such values in the kernel's description of a call. `_FIRST_ARGUMENT` is that of the
argument's lower half, which has a whole process number."""


def has_seccomp() -> bool:
    """Return whether this kernel can filter system calls, and whether the tables here have a column for this
    processor."""
    column = _PROCESSORS.get(os.uname().machine)
    if sys.platform != "linux" or column is None or sys.maxsize < 1 << 32:
        return False
    action = ctypes.c_uint32(_REFUSE)
    try:
        call_kernel(_SECCOMP[column], _FIND_ACTION, 0, ctypes.addressof(action))
    except OSError:
        return False
    return True


def install_filter() -> None:
    """Refuse every system call that isn't listed, for ever and to all threads of this process. Such a call fails with
    EPERM.

    `NO_NEW_PRIVILEGES` must have been set before. Raises `OSError` where the kernel doesn't take the filter.
    """
    machine = os.uname().machine
    program = build_filter(machine, os.getpid())
    instructions = ctypes.create_string_buffer(program, len(program))
    description = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(description, len(description))
    if call_kernel(_SECCOMP[_PROCESSORS[machine]], _SET_FILTER, _ALL_THREADS, ctypes.addressof(buffer)):
        raise OSError(EPERM, "a thread of this process can't be filtered")


def build_filter(machine: str, process: int) -> bytes:
    """Return the program for a processor of this name, and for the process with this number."""
    return b"".join(_instructions(_PROCESSORS[machine], process))


def _instructions(column: int, process: int) -> Iterator[bytes]:
    # A processor may have more than one ABI. Any other one has another architecture or other numbers of calls, so that
    # its calls are refused.
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_COMPARE, _ARCHITECTURES[column], if_equal=1)
    yield _instruction(_RETURN, _REFUSE | EPERM)
    yield _instruction(_LOAD, _NUMBER)
    for number in _numbers(_ALLOWED, column):
        yield _instruction(_COMPARE, number, if_other=1)
        yield _instruction(_RETURN, _ALLOW)
    for number in _numbers(_TO_ITSELF, column):
        yield from _check_argument(number, process)
    for number in _numbers(_LIMITS, column):
        yield from _check_argument(number, 0)
    yield _instruction(_RETURN, _REFUSE | EPERM)


def _check_argument(number: int, allowed: int) -> Iterator[bytes]:
    """Give instructions that allow the call with this number only where its first argument is `allowed`."""
    yield _instruction(_COMPARE, number, if_other=4)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_COMPARE, allowed, if_other=1)
    yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_RETURN, _REFUSE | EPERM)


def _numbers(calls: Mapping[str, tuple[int, ...]], column: int) -> list[int]:
    return [numbers[column] for numbers in calls.values() if column < len(numbers)]


def _instruction(operation: int, value: int, *, if_equal: int = 0, if_other: int = 0) -> bytes:
    """Encode one instruction. A comparison skips the next `if_equal` or the next `if_other` instructions."""
    return struct.pack("HBBI", operation, if_equal, if_other, value)
