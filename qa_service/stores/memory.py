"""This module decides how much memory the private store may take on this machine."""

import os
from contextlib import suppress
from pathlib import Path

_SHARE = 4
"""The store gets the memory divided by this number. The workers and the readers of files need the rest."""
LEAST, _MOST = 256 << 20, 8 << 30
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def store_memory(cgroup_limit: Path = CGROUP_LIMIT) -> int:
    """Return how many bytes the store may take. They are a quarter of the memory of the machine, or of its container if
    that has less, but at least 256 MiB and at most 8 GiB."""
    return min(max(_machine_memory(cgroup_limit) // _SHARE, LEAST), _MOST)


def _machine_memory(cgroup_limit: Path) -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # The file is missing, or says "max".
        memory = min(memory, int(cgroup_limit.read_text()))
    return memory
