"""This module keeps the secrets that the service makes for itself, each in a file of the data folder."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from qa_service.setting_values import SECRET
from qa_service.settings import SettingsError


class Secret(str):
    """A `Secret` hides its value from debuggers and from reports of errors."""

    def __repr__(self) -> str:
        return "Secret()"


def keep_secret(data: Path, name: str) -> str:
    """Return the secret that the data folder keeps under `name`. The first call makes it, in a file that only its owner
    can read.

    Raises `SettingsError` where the folder can't be used, or where the secret was damaged.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = _kept_secret(data, name)
    except (OSError, UnicodeDecodeError):
        raise SettingsError("QA_DATA: expected a folder that can be written to, or where one can be made") from None
    if not SECRET.fullmatch(secret):
        raise SettingsError(f"QA_DATA: the file {name} there was damaged; delete it, and another secret is made")
    return secret


def _kept_secret(data: Path, name: str) -> str:
    path = data / name
    if not path.exists():
        # The file gets its name when it is whole. So all workers that start together read the same secret, which is
        # that of the first.
        with tempfile.NamedTemporaryFile("w", dir=data) as made, suppress(FileExistsError):
            made.write(secrets.token_urlsafe(32))
            made.flush()
            os.link(made.name, path)
    return path.read_text()
