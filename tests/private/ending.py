"""This module has what tests of private servers wait for: that one has ended."""

import contextlib
import fcntl
import time
from pathlib import Path


def has_ended(folder: Path, seconds: float = 10) -> bool:
    """Tell whether the launcher and the server of this folder end within this many seconds. Their lock is free then."""
    deadline = time.monotonic() + seconds
    with (folder / "lock").open("ab") as lock:
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.02)
    return False
