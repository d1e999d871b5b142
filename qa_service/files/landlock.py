"""Landlock, with which a process of Linux forbids itself files, TCP and signals to others, without being root.

The library for it on PyPI is too young to be trusted with this, and granting nothing at all takes only two calls.
See https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import os
import struct
import sys

from qa_service.files.kernel import call_kernel

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files the kernel can forbid, by the first version that has so many."""
_NETWORK_RIGHTS = {1: 0, 4: 2}
"""The same of TCP: to bind and to connect."""
_SCOPES = {1: 0, 6: 2}
"""The same of other processes: to connect to their abstract Unix sockets, and to signal them."""


def find_landlock() -> int:
    """Give the version of Landlock in this kernel, or 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return call_kernel(_CREATE_RULESET, 0, 0, _ASK_VERSION)
    except OSError:
        return 0


def enter_landlock(version: int) -> None:
    """Forbid this thread, for good, all that this version of Landlock can forbid.

    Files that are open stay so. Threads that are started afterwards are forbidden the same.
    """
    rights = struct.pack("QQQ", *(_all_rights(counts, version) for counts in (_FILE_RIGHTS, _NETWORK_RIGHTS, _SCOPES)))
    # An older kernel refuses a longer structure unless the rest is zero, as it is here.
    buffer = ctypes.create_string_buffer(rights, len(rights))
    ruleset = call_kernel(_CREATE_RULESET, ctypes.addressof(buffer), len(rights), 0)
    call_kernel(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _all_rights(counts: dict[int, int], version: int) -> int:
    """Give the bits of all rights that this version knows."""
    count = max(count for first, count in counts.items() if first <= version)
    return (1 << count) - 1
