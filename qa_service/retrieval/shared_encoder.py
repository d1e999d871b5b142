"""This module lets the workers of a server encode passages, and what is searched for without a question, in one other
process, which they share.

Encoding fifty passages takes some tenths of a second of computing, in which a worker could stream nothing. The process
is forked from the server's master after the encoder was loaded there, so it shares the encoder's memory too. It ends
within a second after the master. Where it is gone, passages aren't encoded any more, and are found by their words.
Searches are encoded in the worker then.
"""

import errno
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from qa_service.search_interfaces import Encoder

FOLDER = "qa-encoder-"
"""The folder of the process's socket has a name that begins so."""
PREFIX_BYTES = 4
"""Before each message stands its length, in this many bytes with the highest one first."""
_LONGEST = 1 << 22
_SECONDS = 10.0
"""A request may take this long, with the requests before it."""
_NICENESS = 10
_LOOK_SECONDS = 1.0
"""The process looks once in this many seconds whether the master is still there."""
BACKLOG = 64

_decoder = msgspec.json.Decoder(list[str])
_addresses: list[tuple[str, str]] = []
"""This holds where the process is that was forked last, and the name of its encoder. Forked workers inherit it."""


class SharedEncoder:
    """A `SharedEncoder` is an `Encoder` that lets another process encode. Many threads may use it at once."""

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name

    @property
    def name(self) -> str:
        """Return the name of the encoder in that process."""
        return self._name

    def encode_texts(self, texts: Sequence[str]) -> Sequence[bytes]:
        """Return the vectors of the texts. Raises `ConnectionError` where the process is gone or too slow."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_SECONDS)
                connection.connect(self._address)
                _send(connection, msgspec.json.encode([text.encode(errors="ignore").decode() for text in texts]))
                reply = _receive(connection)
        except OSError as error:
            raise ConnectionError("the process that encodes passages doesn't answer") from error
        size = len(reply) // max(1, len(texts))
        return [reply[first : first + size] for first in range(0, len(reply), size or 1)]


def find_shared_encoder() -> SharedEncoder | None:
    """Return the encoder of the process that `fork_encoder` has started, or None where there is none."""
    return SharedEncoder(*_addresses[-1]) if _addresses else None


def fork_encoder(encoder: Encoder) -> int:
    """Fork a process that encodes for all processes that are forked afterwards, and return its id."""
    remove_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER))
    address = str(folder / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(BACKLOG)
    master, process = os.getpid(), os.fork()
    if process:
        listener.close()
        _addresses.append((address, encoder.name))
        return process
    try:
        _serve_encoder(encoder, listener, master)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def remove_left_folders() -> None:
    """Delete the folders of processes that were killed, and so couldn't do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0.2)
            found = folder.stat()
            # A process that has just begun doesn't listen yet.
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _SECONDS:
                continue
            if probe.connect_ex(str(folder / "socket")) == errno.ECONNREFUSED:
                shutil.rmtree(folder, ignore_errors=True)


def _serve_encoder(encoder: Encoder, listener: socket.socket, master: int) -> None:
    """Encode until the master is gone.

    The process looks at the id of its parent from time to time. It can't wait for the end of a pipe to the master
    instead, because where gevent has patched `os`, this process's own copy of the other end stays open until gevent's
    event loop runs, which it never does here."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    while os.getppid() == master:
        if not select.select([listener.fileno()], [], [], _LOOK_SECONDS)[0]:
            continue
        with suppress(OSError, msgspec.DecodeError, MemoryError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(_SECONDS)
                _send(connection, b"".join(encoder.encode_texts(_decoder.decode(_receive(connection)))))


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(len(message).to_bytes(PREFIX_BYTES) + message)


def _receive(connection: socket.socket) -> bytes:
    size = int.from_bytes(_receive_bytes(connection, PREFIX_BYTES))
    if size > _LONGEST:
        raise OSError("the message is too long")
    return _receive_bytes(connection, size)


def _receive_bytes(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise OSError("the connection was closed")
        parts += part
    return bytes(parts)
