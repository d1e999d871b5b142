"""This module starts the private server of a data folder where it doesn't run, and counts this process as its user."""

import contextlib
import fcntl
import hashlib
import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from qa_service.errors import StoreUnavailable

START_SECONDS = 20.0
STEP_SECONDS = 0.02
LONGEST_ROOT = 60
"""The folder for temporary files may have a path of at most this many bytes. A socket's path may have 103 bytes on
macOS and 107 on Linux, and ours adds up to 39 to the folder's."""

LAUNCHER = Path(__file__).with_name("launcher.py")

log = logging.getLogger(__name__)


class ServerKind(Struct, frozen=True):
    """A `ServerKind` says what one kind of private server is, and how it is run."""

    name: str
    """The server's files lie in a folder of this name in the data folder."""
    label: str
    """Messages call it so, as in "the embedded store"."""
    setting: str
    """This setting names a server that is used instead of the private one."""
    socket: str
    """This is the name of its socket's file."""
    prepare: Callable[[Path, Path, IO[bytes]], Sequence[str]]
    """This makes the server's files ready and returns the command that runs the server. It gets the server's folder,
    the path of the socket, and the locked file, which the processes that it starts should inherit. Nobody else runs it
    for the same folder at the same time."""
    answers: Callable[[Path], bool]
    """This tells whether a server listens on that socket that can be used."""
    mark: str = ""
    """This word keeps the folders of several servers' sockets apart."""
    stop: signal.Signals = signal.SIGTERM
    """The server is stopped by this signal."""
    user: int | None = None
    """The server runs as the user with this number, where it can't run as the one who starts it."""


class PrivateServer:
    """A `PrivateServer` is the one server of a kind that belongs to a data folder. It goes on for `linger` seconds
    after its last user has gone."""

    def __init__(self, kind: ServerKind, data: Path, *, linger: float = 5.0) -> None:
        self._kind = kind
        self._data = data.resolve()
        self._linger = linger

    @property
    def folder(self) -> Path:
        """Return the folder of the server's files, which need not be there."""
        return self._data / self._kind.name

    def socket_path(self) -> Path:
        """Return the path of the socket on which the server listens or will listen, and make its folder.

        Raises `StoreUnavailable` where that folder isn't one that the server's user alone can enter.
        """
        root = tempfile.gettempdir()
        if len(os.fsencode(root)) > LONGEST_ROOT:
            root = "/tmp"  # noqa: S108  # our folder in it is checked below
        owner = os.getuid() if self._kind.user is None else self._kind.user
        digest = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]
        folder = Path(root, f"qa-{self._kind.mark}{owner}-{digest}")
        with self._own_words():
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.lstat().st_uid == os.getuid() != owner:
                os.chown(folder, owner, -1, follow_symlinks=False)
            found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise StoreUnavailable(
                f"The folder for the {self._kind.label}'s socket is not private to this user: set {self._kind.setting}."
            )
        return folder / self._kind.socket

    def join(self) -> IO[bytes]:
        """Make this process a user of the server until the returned file is closed. Where a launcher is about to end,
        this waits until it has ended."""
        deadline = time.monotonic() + START_SECONDS
        while (file := self._locked("users", fcntl.LOCK_SH)) is None:
            if time.monotonic() > deadline:
                raise self._not_started()
            time.sleep(STEP_SECONDS)
        return file

    def ensure_started(self, *, seconds: float = START_SECONDS) -> Path:
        """Start the server unless it runs, and return the path of its socket as soon as it answers there.

        Raises `StoreUnavailable` where no server is installed, where the launcher gives up, or after `seconds`.
        """
        path = self.socket_path()
        deadline = time.monotonic() + seconds
        launched = False
        while not self._kind.answers(path):
            if time.monotonic() > deadline:
                raise self._not_started()
            if lock := self._locked("lock", fcntl.LOCK_EX):
                with lock:
                    if launched:
                        raise self._not_started()
                    self._launch(path, lock)
                launched = True
            time.sleep(STEP_SECONDS)
        return path

    def _launch(self, path: Path, lock: IO[bytes]) -> None:
        folder, kind = self._made_folder(), self._kind
        with self._own_words():
            command = kind.prepare(folder, path, lock)
        words = [str(folder / "users"), str(self._linger), str(path), str(int(kind.stop)), str(kind.user or "-")]
        # Python may need these variables to start. The launcher gets no others, so that it has no keys and no settings.
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
        with self._own_words(), (folder / "log").open("wb") as output:
            subprocess.run(
                [sys.executable, "-I", "-S", str(LAUNCHER), *words, *command],
                stdin=lock,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=kept,
                start_new_session=True,
                check=True,
                timeout=START_SECONDS,
            )

    def _locked(self, name: str, how: int) -> IO[bytes] | None:
        """Return the file of that name, locked until it is closed, or None while another process's lock is in the
        way."""
        with self._own_words(), contextlib.ExitStack() as stack:
            file = stack.enter_context((self._made_folder() / name).open("a+b"))
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, how | fcntl.LOCK_NB)
                stack.pop_all()
                return file
        return None

    def _made_folder(self) -> Path:
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return self.folder

    def _not_started(self) -> StoreUnavailable:
        said = ""
        with contextlib.suppress(OSError):
            said = (self.folder / "log").read_text(errors="replace").strip().rpartition("\n")[2]
        log.error("The %s in %s does not answer; its log ends with: %s", self._kind.label, self._data, said)
        return StoreUnavailable(f"The {self._kind.label} does not answer; the log says why.", retry_after=1)

    @contextlib.contextmanager
    def _own_words(self) -> Iterator[None]:
        try:
            yield
        except (OSError, subprocess.SubprocessError) as error:
            log.exception("The %s can't be used.", self._kind.label)
            raise StoreUnavailable(
                f"The {self._kind.label} can't use its files: set QA_DATA, or {self._kind.setting}."
            ) from error
