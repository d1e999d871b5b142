"""A frame that a later release wrote reaches its readers as that release would have sent it."""

import json

import pytest

from qa_service.frames import Text, UnknownFrame
from qa_service.wire.encoder import FormatContext
from qa_service.wire.typed import TypedEncoder


def sent(raw: str, kind: str = "note") -> str:
    encoder = TypedEncoder(FormatContext("answer", "/api"))
    return encoder.batch(7, [UnknownFrame(kind, raw.encode())]).decode()


def test_its_fields_are_its_content_and_its_kind_is_its_type() -> None:
    line = sent('{"type":"note","content":"새 소식","places":[1,2.50],"size":123456789012345678901234567890}')
    assert line == (
        'data: {"seq":7,"type":"note","content":'
        '{"content":"새 소식","places":[1,2.50],"size":123456789012345678901234567890}}\n\n'
    )


@pytest.mark.parametrize("raw", ['{"type":"note",\n\n "x" :\r\n 1}', '{"type":"note","x":"a\u2028b\u2029c\x85d"}'])
def test_however_it_was_written_it_is_one_line(raw: str) -> None:
    line = sent(raw)
    assert len(line.splitlines()) == 2
    assert json.loads(line.removeprefix("data: "))["content"] == {"x": json.loads(raw)["x"]}


@pytest.mark.parametrize("raw", ["5", "null", "[1]", '"a"', "{}", "{", "[" * 100_000], ids=lambda raw: raw[:4])
def test_what_is_no_object_has_no_content(raw: str) -> None:
    assert json.loads(sent(raw, "").removeprefix("data: ")) == {"seq": 7, "type": "unknown", "content": {}}


def test_those_around_it_keep_their_numbers() -> None:
    encoder = TypedEncoder(FormatContext("answer", "/api", ids=True))
    lines = encoder.batch(1, [Text("a"), UnknownFrame("note", b"{}"), Text("b")]).decode()
    assert [line for line in lines.splitlines() if line.startswith("id: ")] == [
        "id: answer-1",
        "id: answer-2",
        "id: answer-3",
    ]
