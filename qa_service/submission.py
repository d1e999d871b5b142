"""A submission is what a caller sent to be answered: fields by name, and files that lie on this machine's disk."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from qa_service.model import Rewind, UploadedFile

ABSENT = ("", "undefined", "null")
"""Clients write one of these for a value that isn't there."""
FILE_FIELD = re.compile(r"files?(?:\[[0-9]{0,4}\])?")


class Submission(Struct, frozen=True):
    """A `Submission` holds fields and files. As a context manager it deletes the files when an exception leaves it,
    because nobody will read them then."""

    fields: Mapping[str, Any]
    """These are the fields that have a value. Values from JSON keep their types."""
    files: tuple[UploadedFile, ...] = ()
    rewind: Rewind | None = None
    """This names the answers that the question replaces, if it replaces any."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.discard_files()

    def discard_files(self) -> None:
        """Delete the files."""
        for file in self.files:
            Path(file.path).unlink(missing_ok=True)


def is_file_field(name: str) -> bool:
    """Tell whether files come under this name: `files`, `file`, or one of them as clients write lists, such as
    `files[]` and `files[0]`."""
    return FILE_FIELD.fullmatch(name) is not None


def present_fields(sent: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Keep the fields that have a value. Of several with the same name the last one counts."""
    return {name: value for name, value in sent if not _is_absent(value) or _is_null_origin(name, value)}


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in ABSENT)


def _is_null_origin(name: str, value: object) -> bool:
    """Tell whether the field `origin` is `null`, as browsers write it for pages that have no origin. Such a value is to
    be refused and not taken for an absent field."""
    return name == "origin" and isinstance(value, str) and value.strip() == "null"
