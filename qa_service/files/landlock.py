"""This module enters Landlock: a process of Linux forbids itself to open files, use TCP and signal other processes.

The process needn't be root. The library for it on PyPI is too young to be trusted with this, and to forbid everything
takes only two calls. The kernel describes Landlock at https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import os
import struct
import sys

from qa_service.files.kernel import call_kernel

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""It maps each version of Landlock that brought new rights on files to the number of rights that it can forbid."""
_NETWORK_RIGHTS = {1: 0, 4: 2}
"""It says the same for TCP. The two rights are to bind and to connect."""
_SCOPES = {1: 0, 6: 2}
"""It says the same for other processes. The two rights are to connect to their abstract Unix sockets and to signal
them."""


def find_landlock() -> int:
    """Return the version of Landlock in this kernel, or 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return call_kernel(_CREATE_RULESET, 0, 0, _ASK_VERSION)
    except OSError:
        return 0


def enter_landlock(version: int) -> None:
    """Forbid this thread, for ever, everything that this version of Landlock can forbid.

    Files that are open can still be used. Threads that this one starts afterwards are forbidden the same.
    """
    rights = struct.pack("QQQ", *(_all_rights(counts, version) for counts in (_FILE_RIGHTS, _NETWORK_RIGHTS, _SCOPES)))
    # An older kernel knows only the first of these numbers. It takes the longer structure, because the rest is zero.
    buffer = ctypes.create_string_buffer(rights, len(rights))
    ruleset = call_kernel(_CREATE_RULESET, ctypes.addressof(buffer), len(rights), 0)
    call_kernel(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _all_rights(counts: dict[int, int], version: int) -> int:
    """Return the bits of all rights that this version knows."""
    count = max(count for first, count in counts.items() if first <= version)
    return (1 << count) - 1
