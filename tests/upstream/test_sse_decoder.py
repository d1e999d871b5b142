"""The SSE decoder against the standard's rules, however the bytes are cut."""

import base64
import json

import pytest

from qa_service.errors import UpstreamUnavailable
from qa_service.upstream.sse import EventDecoder
from tests.scripted_upstream import RECORDINGS

VECTORS = json.loads((RECORDINGS / "sse_spec_vectors.json").read_text())


def decoded(content: bytes, size: int) -> list[str]:
    decoder = EventDecoder()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    return [event.decode(errors="replace") for chunk in chunks for event in decoder.feed(chunk)]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_rule_of_the_standard_is_followed(vector, size):
    content = base64.b64decode(vector["input_b64"])
    assert decoded(content, size) == [text for _, text, _ in vector["expect"]]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_line_ends_of_any_kind_give_the_same_events(size):
    events = "event: a\ndata: 한\n\ndata: x\ndata: y\n\n: note\n\ndata: z\n\n"
    for end in ("\n", "\r", "\r\n"):
        assert decoded(events.replace("\n", end).encode(), size) == ["한", "x\ny", "z"]


def test_an_event_is_given_as_soon_as_its_blank_line_is_there():
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\r\n") == []
    assert decoder.feed(b"\r") == [b"a"]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: b\n") == []
    assert decoder.feed(b"\ndata") == [b"b"]


def test_nothing_comes_of_nothing():
    decoder = EventDecoder()
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\xef\xbb") == []
    assert decoder.feed(b"\xbfdata: a\n") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == [b"a"]


def test_a_data_line_before_the_last_is_not_lost_to_the_fast_path():
    assert decoded(b"data: a\ndata: b\n\n", 100) == ["a\nb"]
    assert decoded(b"event: x\ndata: a\nid: 1\n\n", 100) == ["a"]
    assert decoded(b"event: x\nid: 1\ndata: a\n\n", 100) == ["a"]


def test_an_endless_event_is_refused_at_the_limit():
    decoder = EventDecoder(limit=100)
    decoder.feed(b"data: " + b"x" * 60)
    with pytest.raises(UpstreamUnavailable, match="100 bytes"):
        decoder.feed(b"x" * 60)


def test_events_larger_than_a_chunk_cost_what_they_are_long():
    big = b"x" * 3_000_000
    decoder = EventDecoder()
    stream = b"data: " + big + b"\n\ndata: end\n\n"
    events = [event for start in range(0, len(stream), 1024) for event in decoder.feed(stream[start : start + 1024])]
    assert events == [big, b"end"]
