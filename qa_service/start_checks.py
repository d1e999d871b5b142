"""This module finds out before a server starts whether it can: that its port is free, that its data folder can be used,
and that Redis answers. It imports little, because the command line waits for it."""

import errno
import os
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from qa_service.errors import StoreUnavailable
from qa_service.settings import Settings, SettingsError


def refuse_taken_port(host: str, port: int) -> None:
    """Raise `SettingsError`, which says what to do, where nobody could listen on this port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise SettingsError(_explain_listening(error, host, port)) from None


def refuse_unusable_folder(data: Path) -> None:
    """Raise `SettingsError`, which says what to do, where nothing can be kept in this folder."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=data) as trial:
            trial.write(b"\0")
            trial.flush()
    except OSError as error:
        raise SettingsError(
            f"the data folder {data.absolute()} can't be used ({reason_of(error)}): "
            "let this user write there, or name another with --data or QA_DATA"
        ) from None


def explain_store(error: StoreUnavailable, settings: Settings) -> str:
    """Say what is wrong with the store, where it is, and what to do. No password is told. What is wrong with the
    private store says by itself what to do."""
    wrong = error.message.rstrip(".")
    if not settings.redis_url:
        return wrong
    parts = urlsplit(settings.redis_url)
    place = parts.netloc.rpartition("@")[2] or parts.path
    return f"{wrong}: start Redis at {place}, or correct REDIS_URL; without REDIS_URL the service has its own store"


def explain_silence(settings: Settings) -> str:
    """Say where the PostgreSQL is that doesn't answer, and what to do. No password is told."""
    place = urlsplit(settings.database_url).netloc.rpartition("@")[2] or "this machine"
    wrong = f"The knowledge base does not answer: start PostgreSQL at {place}, or correct QA_DATABASE_URL"
    return f"{wrong}; without it the service has its own server"


def _explain_listening(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} of {host} is taken by another program: end that one, or choose another with --port"
        case errno.EACCES:
            return f"this user may not listen on port {port}: choose one from 1024 on with --port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine: choose another with --host, such as 127.0.0.1"
        case _:
            return (
                f"nobody can listen on port {port} of {host} ({reason_of(error)}): choose others with --host and --port"
            )


def reason_of(error: OSError) -> str:
    """Give the system's own words for what went wrong."""
    return (error.strerror or os.strerror(error.errno or 0)).lower()
