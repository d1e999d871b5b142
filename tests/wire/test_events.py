"""The stream for an `EventSource`: what a page's listeners get, read by a parser of its own."""

from typing import Any

import msgspec
import pytest

from qa_service.frames import Done, Failure, Frame, StageNotice, Text, UnknownFrame
from qa_service.wire.encoder import FormatContext
from qa_service.wire.events import EVENT_DATA, HEARTBEAT_SECONDS, EventsEncoder
from tests.wire.test_typed import FRAMES, METADATA


def encoder(*sent: Frame, seconds: list[float] | None = None) -> EventsEncoder:
    clock = (seconds or [0.0]).copy() if seconds is None else seconds
    return EventsEncoder(FormatContext("a1", "/api", sent=sent), clock=lambda: clock[0])


def read_events(stream: bytes) -> list[tuple[str, str, Any]]:
    """Return each event as its id, its name (`message` where it has none, as the standard says) and its data."""
    events = []
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields.get("id", ""), fields.get("event", "message"), msgspec.json.decode(fields["data"])))
    return events


def test_only_text_has_content_and_no_name() -> None:
    events = read_events(encoder().batch(1, FRAMES))
    texts = [frame.content for frame in FRAMES if isinstance(frame, Text)]
    assert [found["content"] for _, name, found in events if name == "message"] == texts
    assert all("content" not in found for _, name, found in events if name != "message")


def test_the_event_of_each_frame_is_declared() -> None:
    assert {name for _, name, _ in read_events(encoder().batch(1, FRAMES))} <= EVENT_DATA.keys()


def test_a_later_releases_content_isnt_taken_for_text() -> None:
    [(_, name, found)] = read_events(encoder().batch(1, [UnknownFrame("note", b'{"content":"x","size":1}')]))
    assert (name, found) == ("note", {"size": 1})


@pytest.mark.parametrize("kind", ["a\ndata: x", "a\rb", "", "a b", "새"])
def test_a_later_releases_name_is_a_word(kind: str) -> None:
    [(_, name, _)] = read_events(encoder().batch(1, [UnknownFrame(kind, b"{}")]))
    assert name == "unknown"


def test_every_frame_has_the_id_that_resumes_behind_it() -> None:
    events = read_events(encoder().batch(5, FRAMES))
    ids = [number for number, name, _ in events if name != "progress"]
    assert ids == [f"a1-{seq}" for seq in range(5, 5 + len(FRAMES))]


def test_the_first_event_of_each_connection_says_when_to_come_back() -> None:
    begun = encoder()
    assert begun.batch(1, FRAMES).count(b"retry: 3000\n") == 1
    assert begun.batch(9, FRAMES).count(b"retry:") == 0


def test_the_start_names_the_stream_and_its_time() -> None:
    [(_, name, found)] = read_events(encoder().batch(1, FRAMES[:1]))
    assert name == "start"
    assert (found["stream_id"], found["timestamp"]) == (found["answerId"], found["createdAt"])


def test_a_page_that_was_read_is_told_as_progress() -> None:
    read = StageNotice("reading_file", name="a.pdf", page=3, pages=4)
    assert ("", "progress", {"percentage": 75, "current": 3, "total": 4}) in read_events(encoder().batch(1, [read]))


@pytest.mark.parametrize("notice", [StageNotice("reading_file", name="a"), StageNotice("file", page=1, pages=2)])
def test_without_a_number_of_pages_there_is_no_progress(notice: StageNotice) -> None:
    assert b"progress" not in encoder().batch(1, [notice])


def test_an_error_has_its_wait_under_both_names() -> None:
    failed = Failure("rate_limited", "slow down", "Please wait.", retryable=True, retry_after=7, status=429)
    [(_, name, found)] = read_events(encoder().batch(1, [failed]))
    assert name == "error"
    assert (found["retryAfter"], found["retry_after"], found["userMessage"]) == (7, 7, "Please wait.")


@pytest.mark.parametrize("seen", [(), (METADATA,)])
def test_the_end_has_the_tokens_and_closes_clients_without_names(seen: tuple[Frame, ...]) -> None:
    ending = encoder(*seen)
    frames = [Done("completed")] if seen else [METADATA, Done("completed")]
    *_, (_, name, found), (_, unnamed, last) = read_events(ending.batch(7, frames) + ending.tail())
    assert (name, found) == ("done", {"status": "completed", "total_tokens": METADATA.usage.total})
    assert (unnamed, last) == ("message", {"done": True})


def test_while_text_flows_there_is_a_heartbeat_in_time() -> None:
    seconds = [0.0]
    flowing = encoder(seconds=seconds)
    beats = 0
    for seq in range(1, 62):
        seconds[0] += 1
        beats += flowing.batch(seq, [Text("a")]).count(b"event: heartbeat")
    assert beats == 60 // HEARTBEAT_SECONDS


def test_a_worker_that_stops_says_when_to_come_back() -> None:
    [(_, name, found)] = read_events(encoder().reconnect("draining", 700))
    assert (name, found) == ("operational-disconnect", {"reason": "draining", "reconnect": True, "backoff": 700})
