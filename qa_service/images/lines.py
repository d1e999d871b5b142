"""This module has the lines in which pictures are told, and gives their bytes piece by piece."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Raw, Struct, field

from qa_service.frames import Failure
from qa_service.pause import LongWork
from qa_service.wire.lines import encode_line

BLANK_LINE = b"\n"
_NULL = Raw(b"null")
_GULP = 3 * 32 * 1024
"""This many bytes of a picture are read at once. Three bytes make four signs of base64."""
_LIST = b'"partial_image_b64s":['


class ImageLine(Struct, frozen=True):
    """An `ImageLine` is a line with a picture as far as it has been drawn, or with all pictures when they are
    finished."""

    output_index: int
    partial_image_b64s: list[str]
    usage: dict[str, Any] | None
    status: Literal["partial", "completed"]
    final_model: str | None


class ImageErrorLine(Struct, frozen=True, kw_only=True):
    """An `ImageErrorLine` is the last line where pictures failed. The connection is cut behind it."""

    error: Literal[True] = True
    message: str
    code: str
    param: str | None = None
    partial_image_b64s: tuple[str, ...] = ()
    status: Literal["failed"] = "failed"
    user_message: str = field(name="userMessage")


class _WrittenLine(Struct, frozen=True):
    """A `_WrittenLine` is an `ImageLine` whose usage stays as upstream wrote it."""

    output_index: int
    partial_image_b64s: tuple[str, ...]
    usage: Raw
    status: str
    final_model: str | None


class DrawnLine(Struct, frozen=True):
    """A `DrawnLine` is a line that can be told any number of times: the pictures in these files, and what stands before
    and behind them."""

    head: bytes
    paths: Sequence[str]
    tail: bytes

    def read_pieces(self) -> Iterator[bytes]:
        """Give the bytes of the line, at most 128 KiB at once. Raises `OSError` where a picture's file is gone."""
        work = LongWork()
        yield self.head
        for number, path in enumerate(self.paths):
            yield b',"' if number else b'"'
            with Path(path).open("rb") as file:
                while content := file.read(_GULP):
                    yield b64encode(content)
                    work.end_step()
            yield b'"'
        yield self.tail


def partial_line(number: int, path: str) -> DrawnLine:
    """Make the line with a part of a picture."""
    return _make_line(_WrittenLine(number, (), _NULL, "partial", None), [path])


def final_line(number: int, paths: Sequence[str], *, usage: bytes, model: str) -> DrawnLine:
    """Make the line with the finished pictures."""
    return _make_line(_WrittenLine(number, (), Raw(usage) if usage else _NULL, "completed", model or None), paths)


def failure_line(failure: Failure) -> DrawnLine:
    """Make the line that says why there is no picture."""
    line = ImageErrorLine(message=failure.message, code=failure.code, user_message=failure.user_message)
    return DrawnLine(encode_line(line) + BLANK_LINE, (), b"")


def _make_line(line: _WrittenLine, paths: Sequence[str]) -> DrawnLine:
    head, opening, tail = encode_line(line).partition(_LIST)
    return DrawnLine(head + opening, paths, tail + BLANK_LINE)
