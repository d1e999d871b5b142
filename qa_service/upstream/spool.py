"""This module takes pictures out of the body of a response while they come, and writes them into files.

A picture comes as base64 in one line of some megabytes, and comes several times. If a hundred answers have pictures at
once, their lines don't fit into memory. So where a chunk ends within a picture, what has come of the picture goes to a
file, and so does the rest of it, chunk by chunk. In the line a short mark stands for the picture.
"""

import os
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import mkstemp

from qa_service.errors import UpstreamUnavailable

MOST_PICTURE_BYTES = 32 * 1024 * 1024
"""A picture may have this many bytes."""

_KEY = re.compile(rb'"(?:result|partial_image_b64)"\s*:\s*"\Z')
"""This stands before a picture. Within a text each of these quotation marks would have a backslash."""
_LONGEST_KEY = 64
_OTHER = re.compile(rb"[^A-Za-z0-9+/=]")
_MARK = "~"
"""Base64 has no such sign. Behind it stands the number of the picture's file."""


class PictureSpool:
    """A `PictureSpool` holds the pictures of one response. Its files lie in `folder`, or where the system has temporary
    files."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._tail = b""
        """This is the end of the chunk before, in which a picture's key may have begun."""
        self._open: _PictureFile | None = None
        """This is the file of a picture whose end hasn't come."""
        self._paths: list[str] = []

    def divert_pictures(self, chunk: bytes) -> bytes:
        """Return the chunk without what belongs to a picture that doesn't end in it. A picture that has more than
        `MOST_PICTURE_BYTES` raises `UpstreamUnavailable`."""
        # Nearly every chunk ends with its last event.
        if self._open is None and chunk.endswith(b"\n"):
            self._tail = b""
            return chunk
        return self._end_picture(self._open, chunk) if self._open else self._begin_picture(chunk)

    @contextmanager
    def open_picture(self, written: str) -> Iterator[str]:
        """Give the path of a file with a picture, which is gone after the context. `written` is the picture as the body
        has it: base64, or a mark. The path is empty where there is no picture."""
        _, mark, number = written.rpartition(_MARK)
        path = self._marked_path(number) if mark else self._keep_inline(written)
        try:
            yield path
        finally:
            _remove(path)

    def remove_files(self) -> None:
        """Remove the files of all pictures that nobody wanted, and expect the beginning of a body."""
        if self._open:
            self._open.close()
        self._open, self._tail = None, b""
        for path in self._paths:
            _remove(path)

    def _begin_picture(self, chunk: bytes) -> bytes:
        text, passed = self._tail + chunk, len(self._tail)
        begin = text.rfind(b'"') + 1
        self._tail = text[-_LONGEST_KEY:]
        is_picture = _KEY.search(text, max(0, begin - _LONGEST_KEY), begin) and not _OTHER.search(text, begin)
        if not is_picture or (file := self._new_file()) is None:
            return chunk
        file.write(text[begin:])
        self._open, self._tail = file, b""
        return text[passed:begin]

    def _end_picture(self, file: "_PictureFile", chunk: bytes) -> bytes:
        end = _OTHER.search(chunk)
        file.write(chunk[: end.start()] if end else chunk)
        if end is None:
            return b""
        file.close()
        self._open = None
        mark = f"{_MARK}{self._paths.index(file.path)}".encode()
        return mark + self.divert_pictures(chunk[end.start() :])

    def _marked_path(self, number: str) -> str:
        return self._paths[int(number)] if number.isdecimal() and int(number) < len(self._paths) else ""

    def _keep_inline(self, written: str) -> str:
        file = self._new_file() if written else None
        if file is None:
            return ""
        file.write(written.encode("ascii", "replace"))
        file.close()
        return file.path

    def _new_file(self) -> "_PictureFile | None":
        """Make a file for a picture. The result is None where the system makes none."""
        try:
            file = _PictureFile(self._folder)
        except OSError:
            return None
        self._paths.append(file.path)
        return file


class _PictureFile:
    """A `_PictureFile` takes base64 that is cut anywhere, and writes down what it stands for. Where the disk is full,
    or what comes isn't base64, the picture is cut short, and nobody will be able to read it."""

    def __init__(self, folder: str | None) -> None:
        descriptor, self.path = mkstemp(prefix="picture-", dir=folder)
        self._file = os.fdopen(descriptor, "wb")
        self._size = 0
        self._rest = b""
        """These are the last signs that came. Four of them make three bytes, so that fewer than four wait here."""

    def write(self, piece: bytes) -> None:
        text = self._rest + piece
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        self._size += whole // 4 * 3
        if self._size > MOST_PICTURE_BYTES:
            raise UpstreamUnavailable(f"a picture of upstream's is longer than {MOST_PICTURE_BYTES} bytes")
        with suppress(OSError, Error):
            self._file.write(b64decode(text[:whole]))

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
