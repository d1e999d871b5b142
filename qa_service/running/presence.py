"""This module tells which workers of this machine live. Each worker has a locked file, and the system unlocks that file
when the worker dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

UPLOAD_SECONDS = 900
"""No answer needs an upload that is this many seconds old, because an answer's files are read before anything else,
each in a limited time."""
_LEFT_BEHIND = ("upload-*", "picture-*")


class Presence:
    """A `Presence` keeps the file of one worker. All workers of a machine share `folder`, where these files are, and
    `uploads`."""

    def __init__(self, folder: Path, worker: str, uploads: Path) -> None:
        self.worker = worker
        self._folder = folder
        self._uploads = uploads
        self._file: int | None = None

    def lock_file(self) -> None:
        """Let other workers see that this one lives."""
        if self._file is not None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The file is locked before it has its name, so that nobody ever sees it unlocked while this worker lives.
        coming = self._folder / f".{self.worker}"
        self._file = os.open(coming, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        coming.rename(self._folder / self.worker)

    def restore_file(self) -> None:
        """Make the file again if somebody has deleted it."""
        if self._file is not None and not (self._folder / self.worker).exists():
            self.delete_file()
            self.lock_file()

    def find_dead(self) -> Iterator[str]:
        """Find the workers of this machine that are dead, and give their names."""
        with suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                if path.name != self.worker and not path.name.startswith(".") and not _locked(path):
                    yield path.name

    def forget_worker(self, worker: str) -> None:
        """Delete the file of a dead worker. A worker that lives after all keeps its file."""
        if not _locked(self._folder / worker):
            (self._folder / worker).unlink(missing_ok=True)

    def delete_old_uploads(self) -> None:
        """Delete the uploads, and the pictures of upstream's, that killed workers have left behind."""
        for path in chain.from_iterable(map(self._uploads.glob, _LEFT_BEHIND)):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > UPLOAD_SECONDS:
                    path.unlink()

    def delete_file(self) -> None:
        """Let other workers see that this one is gone."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
