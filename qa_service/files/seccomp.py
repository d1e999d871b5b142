"""A filter of system calls (seccomp), which leaves a process its memory, the clock and the files that it has open.

The filter lists what is allowed, so that a call which a newer kernel brings is refused too. It is a program for the
kernel's packet filter: https://docs.kernel.org/userspace-api/seccomp_filter.html. The library for this on PyPI needs
a system library that slim containers don't have.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from errno import EPERM

from qa_service.files.kernel import call_kernel

_PROCESSORS = {"x86_64": 0, "aarch64": 1}
"""The column that a processor has in the tables below."""
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
"""The numbers of the calls that everybody may make. Some stand only on the older processor."""
_TO_ITSELF: Mapping[str, tuple[int, ...]] = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131)}
"""A process may signal itself, because a library that gets no memory ends it by SIGABRT."""
_LIMITS: Mapping[str, tuple[int, ...]] = {"prlimit64": (302, 261)}
"""A process may lower its own limits, for which it names process 0."""

_SET_FILTER, _FIND_ACTION, _ALL_THREADS = 1, 2, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_LOAD, _COMPARE, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in the description of a call. Of an argument this is the lower half, which has the whole of a
process's number."""


def has_seccomp() -> bool:
    """Whether this kernel filters system calls, and the tables here know the calls of this processor."""
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
    """Refuse all threads of this process, for good, each system call that isn't listed. It then fails with EPERM.

    The process must have given up new privileges before. Raises `OSError` where the kernel doesn't take the filter.
    """
    machine = os.uname().machine
    program = build_filter(machine, os.getpid())
    instructions = ctypes.create_string_buffer(program, len(program))
    description = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(description, len(description))
    if call_kernel(_SECCOMP[_PROCESSORS[machine]], _SET_FILTER, _ALL_THREADS, ctypes.addressof(buffer)):
        raise OSError(EPERM, "a thread of this process can't be filtered")


def build_filter(machine: str, process: int) -> bytes:
    """Give the program for a processor of this name, and for the process with this number."""
    return b"".join(_instructions(_PROCESSORS[machine], process))


def _instructions(column: int, process: int) -> Iterator[bytes]:
    # The other ABIs that a processor has are another architecture or have other numbers, so that they are refused.
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
    """Allow the call with this number only where its first argument is `allowed`."""
    yield _instruction(_COMPARE, number, if_other=4)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_COMPARE, allowed, if_other=1)
    yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_RETURN, _REFUSE | EPERM)


def _numbers(calls: Mapping[str, tuple[int, ...]], column: int) -> list[int]:
    return [numbers[column] for numbers in calls.values() if column < len(numbers)]


def _instruction(operation: int, value: int, *, if_equal: int = 0, if_other: int = 0) -> bytes:
    """Encode one instruction. A comparison skips so many of those that follow it."""
    return struct.pack("HBBI", operation, if_equal, if_other, value)
