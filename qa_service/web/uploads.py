"""This module writes uploads to this machine's disk, within the limits of one request."""

import io
import logging
import os
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from unicodedata import normalize

from msgspec import Struct

from qa_service.errors import Overloaded, TooLarge, TooManyFiles
from qa_service.language.charsets import decode_sent
from qa_service.model import UploadedFile
from qa_service.threads import NO_ROOM_SECONDS

log = logging.getLogger(__name__)

NAME = 255
"""This many characters of a file's name are kept. They are its last ones, because the kind of the file stands there."""


_LONGEST_NAME = 3 * NAME
"""A name of this many single letters of Hangul is composed to one of `NAME` characters."""


class UploadLimits(Struct, frozen=True):
    """An `UploadLimits` says how many bytes a file may have, how many files a question may bring, and in which folder
    the files are kept."""

    file: int
    files: int
    folder: Path


class Spool:
    """A `Spool` holds the files of one request. Its user calls `close_files` when the request was read to its end, and
    otherwise `discard_files`."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._files: list[SpooledFile] = []

    def keep_file(self, name: str, pieces: Iterator[bytes], charset: str = "") -> None:
        """Write one file. Nothing is kept where there is neither a name nor a byte, because browsers send that where
        nobody chose a file. Raises `TooManyFiles`, `TooLarge`, or `Overloaded` where the disk doesn't take it."""
        first = next(pieces, b"")
        if not (first or name):
            return
        if len(self._files) >= self._limits.files:
            raise TooManyFiles(f"the request has more than {self._limits.files} files")
        try:
            file = SpooledFile(self._limits, clean_name(name), charset)
            self._files.append(file)
            for piece in chain((first,), pieces):
                file.write(piece)
        except OSError as error:
            log.warning("an upload could not be written: %s", error.strerror)
            raise Overloaded("an upload could not be written to the disk", retry_after=NO_ROOM_SECONDS) from error

    def close_files(self) -> tuple[UploadedFile, ...]:
        """Give all files that were written, in the order in which they came."""
        for file in self._files:
            file.close()
        return tuple(
            UploadedFile(file.upload_name, file.path, os.path.getsize(file.path), charset=file.charset)
            for file in self._files
        )

    def discard_files(self) -> None:
        """Delete all files."""
        for file in self._files:
            file.close()
            Path(file.path).unlink(missing_ok=True)


class SpooledFile(io.FileIO):
    """A `SpooledFile` is a new file on disk. Writing raises `TooLarge` where the file would grow beyond its limit."""

    def __init__(self, limits: UploadLimits, upload_name: str, charset: str) -> None:
        descriptor, self.path = tempfile.mkstemp(prefix="upload-", dir=limits.folder)
        super().__init__(descriptor, "r+")
        self.upload_name = upload_name
        self.charset = charset
        self._room = limits.file
        self._refusal = f"the file {upload_name!r} is larger than {limits.file} bytes"

    def write(self, piece: Any) -> int:
        """Write a piece whole. Raises `TooLarge` where the limit is reached."""
        self._room -= len(piece)
        if self._room < 0:
            raise TooLarge(self._refusal)
        left = memoryview(piece)
        while left:  # A disk that is nearly full takes a part.
            left = left[super().write(left) :]
        return len(piece)


def decode_name(sent: bytes) -> str:
    """Decode a file's name as its sender's system writes it. A file is never refused because of its name: a name that
    is neither UTF-8 nor Korean is read as Windows-1252, in which nearly every byte is a character."""
    text = decode_sent(sent)
    return sent.decode("cp1252", "replace") if text is None else text


def clean_name(name: str) -> str:
    """Remove the path from a file's name, and invisible characters, and compose its letters, which macOS sends one by
    one. The name is `file` where nothing is left."""
    last = normalize("NFC", Path(name.replace("\\", "/")).name[-_LONGEST_NAME:])[-NAME:]
    return "".join(character for character in last if character.isprintable()).strip(". ") or "file"
