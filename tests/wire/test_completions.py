"""The stream of Chat Completions: what OpenAI's own decoder of events, and clients of every kind, find in it."""

from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from openai._streaming import SSEDecoder

from qa_service.frames import (
    Cite,
    Done,
    Failure,
    Frame,
    Image,
    Metadata,
    Reference,
    Restart,
    StageNotice,
    Text,
    UnknownFrame,
)
from qa_service.wire.completion_objects import build_completion
from qa_service.wire.completions import CompletionEncoder
from qa_service.wire.encoder import FormatContext
from qa_service.wire.lines import encode_json
from tests.fakes import turn
from tests.wire.contract import problems
from tests.wire.test_typed import DOCUMENT, FRAMES, LINK, METADATA

START = FRAMES[0]
FAILED = Failure("upstream_timeout", "late", "Please ask again.", retryable=True, status=504)
NEWLINES = ["한 ", "줄\n", "두\u2028줄\r\n\n", 'data: {"x"}\n\n', "끝 👍🏽", "\x85", "[DONE]", ": comment\n\n"]


def encoder(*sent: Frame, usage: bool = False) -> CompletionEncoder:
    return CompletionEncoder(FormatContext("a1", "/api", start=START, sent=sent), usage=usage)


def read_events(stream: bytes) -> list[str]:
    """Return the data of each event, as the official SDK finds it."""
    assert len(stream.decode().splitlines()) == stream.count(b"\n")
    return [event.data for event in SSEDecoder().iter_bytes(iter([stream]))]


def read_chunks(stream: bytes) -> list[dict[str, Any]]:
    """Return the events that are JSON. Each must be as it is declared."""
    chunks: list[dict[str, Any]] = [msgspec.json.decode(data) for data in read_events(stream) if data != "[DONE]"]
    for chunk in chunks:
        assert problems("OpenAIErrorObject" if "error" in chunk else "CompletionChunk", chunk) == []
    return chunks


def streamed(*frames: Frame, usage: bool = False) -> bytes:
    """Return a whole stream of these frames behind a start."""
    whole = encoder(usage=usage)
    return whole.head() + whole.batch(1, [START, *frames]) + whole.tail()


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk.get("choices", ()))


def ended(**changes: Any) -> tuple[Metadata, Done]:
    return replace(METADATA, **changes), Done("completed")


def test_the_text_comes_whole_whatever_it_holds() -> None:
    assert text_of(read_chunks(streamed(*map(Text, NEWLINES), *ended()))) == "".join(NEWLINES)


def test_the_first_chunk_has_the_role_and_all_have_the_same_head() -> None:
    first, *rest = read_chunks(streamed(Text("안녕"), *ended()))
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in (first, *rest)}
    assert heads == {("chatcmpl-a1", "chat.completion.chunk", 1767323045, "mini")}


def test_it_ends_once_and_with_the_word_that_clients_wait_for() -> None:
    events = read_events(streamed(Text("안녕"), *ended()))
    assert [at for at, data in enumerate(events) if data == "[DONE]"] == [len(events) - 1]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("refusal", "stop"),
        ("new", "stop"),
    ],
)
def test_one_chunk_says_why_the_answer_ended(reason: str, word: str) -> None:
    chunks = read_chunks(streamed(Text("안녕"), *ended(finish_reason=reason)))
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == word
    assert sum(choice["finish_reason"] is not None for chunk in chunks for choice in chunk["choices"]) == 1


def test_the_usage_comes_only_when_it_is_asked_for_in_a_chunk_without_a_choice() -> None:
    assert not any("usage" in chunk for chunk in read_chunks(streamed(Text("안녕"), *ended())))
    *_, last = read_chunks(streamed(Text("안녕"), *ended(), usage=True))
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"], last["usage"]["total_tokens"]) == (
        10,
        5,
        15,
    )


def test_sources_are_annotations_with_addresses() -> None:
    chunks = read_chunks(streamed(Text("안녕 [1]"), DOCUMENT, LINK, *ended()))
    [found] = [c["delta"]["annotations"] for chunk in chunks for c in chunk["choices"] if "annotations" in c["delta"]]
    assert [each["type"] for each in found] == ["url_citation", "url_citation"]
    document, link = (each["url_citation"] for each in found)
    assert (document["title"], document["url"]) == ("sky.pdf", "/api/sessions/chat/files/f1/pages/3")
    assert (document["n"], document["page"]) == (1, 3)
    assert (link["title"], link["url"]) == ("A", "https://a.example")


def test_each_place_that_a_source_stands_behind_is_an_annotation_with_its_own_quote() -> None:
    cited = replace(LINK, quote="q", cites=(Cite(0, 3, "첫째"), Cite(4, 9)))
    chunks = read_chunks(streamed(Text("하늘은 파랗다"), cited, *ended()))
    [found] = [c["delta"]["annotations"] for chunk in chunks for c in chunk["choices"] if "annotations" in c["delta"]]
    places = [(each["url_citation"]["start_index"], each["url_citation"]["end_index"]) for each in found]
    assert places == [(0, 3), (4, 9)]
    assert [each["url_citation"]["quote"] for each in found] == ["첫째", "q"]


def test_a_finished_picture_is_shown_by_its_address() -> None:
    drawn = [Image(0, partial, "image/png", f"answers/a1/images/0?version={partial}") for partial in (True, False)]
    chunks = read_chunks(streamed(*drawn, Text("고양이"), *ended()))
    [found] = [c["delta"]["images"] for chunk in chunks for c in chunk["choices"] if "images" in c["delta"]]
    address = "/api/answers/a1/images/0?version=False"
    assert found == [{"index": 0, "type": "image_url", "image_url": {"url": address}}]


def test_a_picture_that_is_not_finished_is_a_sign_of_life_alone() -> None:
    said = encoder().batch(2, [Image(0, True, "image/png", "answers/a1/images/0")])
    assert said
    assert read_events(said) == []


def test_a_picture_that_does_not_count_any_more_ends_the_stream_with_an_error() -> None:
    picture = Image(0, False, "image/png", "answers/a1/images/0")
    *_, error = read_chunks(streamed(picture, Restart("lost"), Text("다시"), *ended()))
    assert error["error"]["code"] == "interrupted"


def test_a_refusal_is_text_that_is_repeated_as_a_refusal() -> None:
    chunks = read_chunks(streamed(Text("그건 "), Text("안 됩니다."), *ended(finish_reason="refusal")))
    refusals = [c["delta"]["refusal"] for chunk in chunks for c in chunk["choices"] if "refusal" in c["delta"]]
    assert refusals == [text_of(chunks)] == ["그건 안 됩니다."]


def test_what_openai_has_no_name_for_stands_beside_the_reason_to_finish() -> None:
    *_, last = read_chunks(streamed(Text("안녕"), *ended()))
    assert last["x_metadata"]["files"][0]["reason"] == "over_budget"
    assert last["x_metadata"]["sessionId"] == "chat"


@pytest.mark.parametrize("frame", [StageNotice("thinking"), StageNotice("reading_file", name="새\n.pdf", page=1)])
def test_a_stage_is_a_comment_so_that_the_connection_is_not_silent(frame: Frame) -> None:
    said = encoder().batch(2, [frame])
    assert said.startswith(b": ")
    assert read_events(said) == []


def test_a_sign_of_life_is_a_comment() -> None:
    assert read_events(encoder().heartbeat()) == []
    assert encoder().heartbeat()


def test_a_frame_of_a_later_release_says_nothing() -> None:
    assert encoder().batch(2, [UnknownFrame("note", b'{"content":"x"}')]) == b""


ENDS: dict[str, tuple[tuple[Frame, ...], str]] = {
    "a failure": ((FAILED, replace(METADATA, finish_reason="error"), Done("failed")), "upstream_timeout"),
    "a stop": ((replace(METADATA, finish_reason="cancelled"), Done("cancelled")), "cancelled"),
    "a text that doesn't count": ((Restart("lost"), Text("다시"), METADATA, Done("completed")), "interrupted"),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_is_none_is_an_error_and_nothing_comes_behind_it(end: str) -> None:
    frames, code = ENDS[end]
    events = read_events(streamed(Text("안녕"), *frames, usage=True))
    error = msgspec.json.decode(events[-1])["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["user_message"]
    assert text_of([msgspec.json.decode(event) for event in events]) == "안녕"
    assert not any('finish_reason":"' in event for event in events)


def test_only_a_text_that_does_not_count_cuts_the_connection() -> None:
    for name, (frames, _) in ENDS.items():
        ending = encoder()
        ending.batch(1, [START, Text("안녕"), *frames])
        assert ending.is_cut == (name == "a text that doesn't count")


def test_an_answer_that_begins_again_before_its_first_word_goes_on() -> None:
    assert text_of(read_chunks(streamed(Restart("lost"), Text("안녕"), *ended()))) == "안녕"


def test_a_worker_that_stops_ends_the_stream_with_an_error() -> None:
    stopping = encoder()
    stopping.batch(1, [START, Text("안녕")])
    [error] = read_chunks(stopping.reconnect("draining", 1500))
    assert (error["error"]["code"], error["error"]["retryable"], error["error"]["retry_after"]) == ("draining", True, 1)
    assert stopping.tail() == stopping.heartbeat() == b""


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("usage", [False, True])
def test_a_reader_that_comes_back_gets_the_rest_whatever_has_come(end: str, usage: bool) -> None:
    frames = [START, StageNotice("thinking"), Text("가"), Text("나"), DOCUMENT, LINK, *ENDS[end][0]]
    make = partial(encoder, usage=usage)
    whole = make().batch(1, frames)
    for seen in range(len(frames) + 1):
        before, after = make().batch(1, frames[:seen]), make(*frames[:seen]).batch(seen + 1, frames[seen:])
        assert before + after == whole


class TestWhole:
    def completion(self, **changes: Any) -> dict[str, Any]:
        kept = turn("a1", text="하늘은 파랗다 [1].", status="completed", references=(DOCUMENT, LINK), **changes)
        found: dict[str, Any] = msgspec.json.decode(encode_json(build_completion(kept, "/api")))
        assert problems("CompletionObject", found) == []
        return found

    def test_it_says_what_the_stream_says(self) -> None:
        found = self.completion(metadata=METADATA)
        [choice] = found["choices"]
        assert (found["id"], found["object"], found["model"]) == ("chatcmpl-a1", "chat.completion", "mini")
        assert (choice["message"]["content"], choice["message"]["refusal"]) == ("하늘은 파랗다 [1].", None)
        assert choice["finish_reason"] == "stop"
        streamed_ones = read_chunks(streamed(Text("x"), DOCUMENT, LINK, METADATA))
        [annotations] = [
            c["delta"]["annotations"]
            for chunk in streamed_ones
            for c in chunk["choices"]
            if "annotations" in c["delta"]
        ]
        assert choice["message"]["annotations"] == annotations
        assert found["usage"]["total_tokens"] == 15

    def test_a_refusal_stands_in_both_places(self) -> None:
        [choice] = self.completion(metadata=replace(METADATA, finish_reason="refusal"))["choices"]
        assert choice["message"]["refusal"] == choice["message"]["content"]

    def test_a_picture_stands_in_it_as_in_the_stream(self) -> None:
        picture = Image(0, False, "image/png", "answers/a1/images/0")
        [choice] = self.completion(images=(picture,))["choices"]
        [streamed_one] = [
            c["delta"]["images"]
            for chunk in read_chunks(streamed(picture))
            for c in chunk["choices"]
            if "images" in c["delta"]
        ]
        assert choice["message"]["images"] == streamed_one

    def test_a_source_without_an_address_has_an_empty_one(self) -> None:
        kept = turn("a1", text="x", status="completed", references=(Reference(1, "document", title="Base"),))
        found = msgspec.json.decode(encode_json(build_completion(kept, "/api")))
        assert found["choices"][0]["message"]["annotations"][0]["url_citation"]["url"] == ""
