"""This module has what a reader tells of a file, one thing after another, while it reads it."""

from collections.abc import Mapping
from typing import TypeAlias

from qa_service.model import FilePicture, Passage, Picture, Value, Verdict


class FileProgress(Value, frozen=True):
    """A `FileProgress` says that the reading of a file has come to `page`. `pages` is the number of all pages, or 0
    while that is unknown."""

    page: int
    pages: int


class FileBegin(Value, frozen=True):
    """A `FileBegin` says that a file has got its turn at the readers. Nothing of it has been read yet, and nothing is
    read where no more news is asked for."""


class FileText(Value, frozen=True):
    """A `FileText` is a part of a file's text: passages in reading order, and in which of them each word stands.

    `index` maps a token to [passage, impact, passage, impact, …]. Passages are numbered from 0 over the whole file. Big
    files come in many parts, so that no part stalls a worker.
    """

    passages: tuple[Passage, ...] = ()
    index: Mapping[str, list[int]] = {}
    first: int = 0
    """This is the number of the first of these passages."""


class ReadPicture(Value, frozen=True):
    """A `ReadPicture` is a picture of a file, with what is known of it."""

    picture: Picture
    described: FilePicture


class FileEnd(Value, frozen=True):
    """A `FileEnd` is the last thing that a reader says of a file. There is always exactly one."""

    verdict: Verdict
    seconds: float = 0.0
    """Reading took this many seconds. Waiting until reading could begin isn't part of it."""


FileNews: TypeAlias = FileBegin | FileProgress | FileText | ReadPicture | FileEnd
