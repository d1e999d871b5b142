"""This module tells how late a busy machine is, for tests that say how long something may take."""

import os
from contextlib import suppress
from pathlib import Path


class Lateness:
    """A `Lateness` tells for how many seconds threads of this process, and of others, have waited for a core since it
    was made. Whatever is due may come later by this much. It is next to nothing on an idle machine."""

    def __init__(self, *pids: int) -> None:
        self._pids = (os.getpid(), *pids)
        self._before = self._delays()

    @property
    def seconds(self) -> float:
        return sum(delay - self._before.get(thread, 0.0) for thread, delay in self._delays().items())

    def _delays(self) -> dict[Path, float]:
        found = {}
        for thread in (thread for pid in self._pids for thread in Path("/proc").glob(f"{pid}/task/*")):
            with suppress(OSError):
                found[thread] = int((thread / "schedstat").read_text().split()[1]) / 1e9
        return found
