"""Lines with pictures are read and written as bytes."""

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest

from qa_service.frames import Failure
from qa_service.images.lines import DrawnLine, ImageErrorLine, ImageLine, failure_line, final_line, partial_line
from tests.scripts import noise

USAGE = b'{"input_tokens": 7, "new": {"x": [1.50]}}'


def written(line: DrawnLine) -> bytes:
    return b"".join(line.read_pieces())


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Return two pictures: one of many pieces, whose last is no multiple of three bytes, and a small one."""
    contents = noise(300_000), b"\x89PNG"
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    return [str(tmp_path / str(number)) for number in range(len(contents))]


def test_a_part_is_one_line_with_one_picture(paths: list[str]) -> None:
    told = written(partial_line(2, paths[0]))
    assert told.index(b"\n") == len(told) - 1
    line = json.loads(told)
    assert b64decode(line.pop("partial_image_b64s")[0]) == Path(paths[0]).read_bytes()
    assert line == {"output_index": 2, "usage": None, "status": "partial", "final_model": None}


def test_the_last_line_has_all_pictures_and_the_usage_as_upstream_wrote_it(paths: list[str]) -> None:
    told = written(final_line(3, paths, usage=USAGE, model="gpt\u2028"))
    assert USAGE in told
    assert "\u2028".encode() not in told
    line = json.loads(told)
    assert [b64decode(one) for one in line["partial_image_b64s"]] == [Path(path).read_bytes() for path in paths]
    assert (line["status"], line["final_model"]) == ("completed", "gpt\u2028")


def test_a_picture_is_never_read_as_a_whole(paths: list[str]) -> None:
    assert max(map(len, partial_line(0, paths[0]).read_pieces())) <= 128 * 1024


def test_lines_are_what_the_contract_declares(paths: list[str]) -> None:
    failure = Failure("internal", "It is\u0085so.", "안 됩니다.", retryable=True)
    lines = [partial_line(0, paths[0]), final_line(1, paths, usage=b"", model=""), failure_line(failure)]
    for line, kind in zip(lines, (ImageLine, ImageLine, ImageErrorLine), strict=True):
        msgspec.json.decode(written(line), type=kind)
        assert tuple(json.loads(written(line))) == kind.__struct_encode_fields__
    assert json.loads(written(lines[2])) == {
        "error": True,
        "message": "It is\u0085so.",
        "code": "internal",
        "param": None,
        "partial_image_b64s": [],
        "status": "failed",
        "userMessage": "안 됩니다.",
    }
