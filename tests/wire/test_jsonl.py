"""The stream of JSON lines: the frames of the default stream, one on each line."""

import msgspec

from qa_service.wire.encoder import FormatContext
from qa_service.wire.jsonl import JsonLinesEncoder
from qa_service.wire.typed import TypedEncoder
from tests.wire.test_typed import FRAMES

CONTEXT = FormatContext("a1", "/api")


def test_the_lines_are_the_frames_of_the_default_stream() -> None:
    lines = JsonLinesEncoder(CONTEXT).batch(3, FRAMES)
    typed = TypedEncoder(CONTEXT).batch(3, FRAMES)
    assert b"".join(b"data: %b\n\n" % line for line in lines.removesuffix(b"\n").split(b"\n")) == typed


def test_no_line_reader_finds_more_lines_than_frames() -> None:
    assert len(JsonLinesEncoder(CONTEXT).batch(1, FRAMES).decode().splitlines()) == len(FRAMES)


def test_blank_lines_are_signs_of_life_and_the_first_comes_at_once() -> None:
    encoder = JsonLinesEncoder(CONTEXT)
    assert encoder.head() == encoder.heartbeat() == b"\n"


def test_a_worker_that_stops_says_so_on_a_line() -> None:
    line = msgspec.json.decode(JsonLinesEncoder(CONTEXT).reconnect("draining", 700))
    assert line == {"type": "reconnect", "content": {"reason": "draining", "backoffMs": 700}}
