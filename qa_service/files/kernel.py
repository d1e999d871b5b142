"""This module makes calls to the Linux kernel for which Python has no function."""

import ctypes
import os
from errno import ENOSYS
from functools import cache
from typing import Any

DUMPABLE, NO_NEW_PRIVILEGES = 4, 38
"""These are two options of `control_process`, which `man 2 prctl` explains."""


def call_kernel(number: int, *arguments: int) -> int:
    """Make the system call with this number, and return its result. Raises `OSError` where the kernel refuses it."""
    return _checked(_function("syscall")(*map(ctypes.c_long, (number, *arguments))))


def control_process(option: int, value: int) -> None:
    """Set a property of this process with `prctl`. Raises `OSError` where the system has no such property."""
    _checked(_function("prctl")(ctypes.c_int(option), *map(ctypes.c_ulong, (value, 0, 0, 0))))


@cache
def _function(name: str) -> Any:
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except AttributeError as error:
        raise OSError(ENOSYS, f"this system has no {name}") from error
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    return function


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
