"""The filter of system calls is run as the kernel would run it, also for processors that this machine doesn't have."""

import struct
from errno import EPERM

import pytest

from qa_service.files.seccomp import build_filter

ALLOWED, REFUSED = 0x7FFF0000, 0x00050000 | EPERM
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003}
READ, OPENAT = {"x86_64": 0, "aarch64": 63}, {"x86_64": 257, "aarch64": 56}
KILL, PRLIMIT = {"x86_64": 62, "aarch64": 129}, {"x86_64": 302, "aarch64": 261}
SOCKET, FORK, FCNTL = {"x86_64": 41, "aarch64": 198}, {"x86_64": 56, "aarch64": 220}, {"x86_64": 72, "aarch64": 25}
OURS = 4321

pytestmark = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def judge(machine: str, number: int, first: int = 0, *, audit: int = 0) -> int:
    """Return what the kernel does with a call: the program's result for its number and first argument."""
    call = struct.pack("IIQQ", number, audit or AUDIT[machine], 0, first)
    program = list(struct.iter_unpack("HBBI", build_filter(machine, OURS)))
    place = loaded = 0
    while True:
        operation, if_equal, if_other, value = program[place]
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (loaded,) = struct.unpack_from("I", call, value)
        else:
            place += if_equal if loaded == value else if_other
        place += 1


def test_reading_what_is_open_is_allowed(machine: str) -> None:
    assert judge(machine, READ[machine]) == ALLOWED


@pytest.mark.parametrize("calls", [OPENAT, SOCKET, FORK, FCNTL])
def test_what_reading_does_not_need_fails(machine: str, calls: dict[str, int]) -> None:
    assert judge(machine, calls[machine]) == REFUSED


@pytest.mark.parametrize("number", [425, 434, 999, 1 << 31])
def test_calls_that_are_not_listed_fail_new_ones_too(machine: str, number: int) -> None:
    assert judge(machine, number) == REFUSED


def test_a_process_signals_itself_alone(machine: str) -> None:
    assert judge(machine, KILL[machine], OURS) == ALLOWED
    for other in (0, 1, OURS + 1, (1 << 64) - 1):
        assert judge(machine, KILL[machine], other) == REFUSED


def test_a_process_limits_itself_alone(machine: str) -> None:
    assert judge(machine, PRLIMIT[machine], 0) == ALLOWED
    assert judge(machine, PRLIMIT[machine], OURS + 1) == REFUSED


def test_the_calls_of_another_architecture_fail(machine: str) -> None:
    assert judge(machine, READ[machine], audit=AUDIT["i386"]) == REFUSED
    assert judge(machine, READ[machine] | 0x40000000) == REFUSED
