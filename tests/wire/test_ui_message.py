"""The AI SDK's stream: what its parts become in a message that is built as the SDK builds it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qa_service.frames import Done, Failure, Frame, Image, Restart, StageNotice, Start, Text, UnknownFrame
from qa_service.model import Language, Status
from qa_service.wire.encoder import FormatContext
from qa_service.wire.ui_message import UiMessageEncoder
from tests.wire.contract import problems
from tests.wire.test_typed import DOCUMENT, FRAMES, LINK, METADATA

START = FRAMES[0]
FAILED = Failure("rate_limited", "slow down", "잠시 후 다시 물어 주세요.", retryable=True, retry_after=7, status=429)


def encoder(*sent: Frame, language: Language = "en") -> UiMessageEncoder:
    return UiMessageEncoder(FormatContext("a1", "/api", sent=sent, language=language))


def chunks(stream: bytes) -> list[dict[str, Any]]:
    events = stream.decode().removesuffix("\n\n").split("\n\n")
    assert all(event.startswith("data: ") for event in events)
    return [msgspec.json.decode(event.removeprefix("data: ")) for event in events]


def encode(*frames: Frame) -> list[dict[str, Any]]:
    return chunks(encoder().batch(1, frames))


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [chunk["type"] for chunk in found]


def steps(found: list[dict[str, Any]]) -> list[str]:
    """Return the text of each step. A piece in a part that isn't open is an error, as it is for the SDK."""
    texts: list[str] = []
    open_parts: set[str] = set()
    for chunk in found:
        match chunk["type"]:
            case "start-step":
                texts.append("")
            case "finish-step":
                open_parts.clear()
            case "text-start":
                open_parts.add(chunk["id"])
            case "text-end":
                open_parts.remove(chunk["id"])
            case "text-delta":
                assert chunk["id"] in open_parts
                texts[-1] += chunk["delta"]
    return texts


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_every_event_is_as_declared(end: Status) -> None:
    leaving = encoder()
    whole = leaving.batch(1, [*FRAMES[:-1], Done(end)]) + leaving.reconnect("draining", 1)
    assert [problems("UiChunk", chunk) for chunk in chunks(whole) if problems("UiChunk", chunk)] == []


def test_the_message_has_the_answers_id_and_what_start_says() -> None:
    begun, step = encode(START)
    assert isinstance(START, Start)
    assert (begun["type"], begun["messageId"], step["type"]) == ("start", START.answer_id, "start-step")
    assert begun["messageMetadata"]["sessionId"] == START.session_id


def test_text_comes_back_whole_from_its_part() -> None:
    pieces = ["한 ", "줄\n", "두\u2028줄\r\n\n", 'data: {"x"}\n\n', "끝 👍🏽", "\x85"]
    stream = encoder().batch(1, [START, *map(Text, pieces), Done("completed")])
    assert steps(chunks(stream)) == ["".join(pieces)]
    assert len(stream.decode().splitlines()) == stream.count(b"\n")


def test_a_status_between_two_pieces_leaves_the_text_open() -> None:
    found = encode(Text("a"), StageNotice("thinking"), Text("b"))
    assert kinds(found) == ["text-start", "text-delta", "data-status", "text-delta"]
    assert found[2] == {"type": "data-status", "data": {"stage": "thinking"}, "transient": True}


def test_text_behind_a_source_has_a_part_of_its_own() -> None:
    found = encode(Text("a"), LINK, Text("b"))
    opened = [chunk["id"] for chunk in found if chunk["type"] == "text-start"]
    assert len(set(opened)) == 2
    assert kinds(found)[:3] == ["text-start", "text-delta", "text-end"]


def test_a_link_is_a_source_with_its_address() -> None:
    source, reference = encode(LINK)
    assert source == {"type": "source-url", "sourceId": "2", "url": "https://a.example", "title": "A"}
    assert (reference["type"], reference["data"]["n"]) == ("data-reference", 2)


@pytest.mark.parametrize(("name", "media_type"), [("sky.pdf", "application/pdf"), ("규정.이상한", "text/plain")])
def test_a_document_is_a_source_with_its_type_and_its_page(name: str, media_type: str) -> None:
    source, reference = encode(replace(DOCUMENT, file=name))
    assert (source["type"], source["filename"], source["mediaType"]) == ("source-document", name, media_type)
    assert (reference["data"]["page"], reference["data"]["url"]) == (3, "/api/sessions/chat/files/f1/pages/3")


def test_a_picture_is_a_file_once_it_is_finished() -> None:
    drawn = [Image(0, partial, "image/png", f"answers/a1/images/0?version={partial}") for partial in (True, False)]
    found = encode(Text("a"), drawn[0], Text("b"), drawn[1], Text("c"))
    assert kinds(found) == [
        "text-start",
        "text-delta",
        "data-image",
        "text-delta",
        "text-end",
        "file",
        "text-start",
        "text-delta",
    ]
    assert (found[2]["data"]["partial"], found[2]["transient"]) == (True, True)
    assert found[5] == {"type": "file", "url": "/api/answers/a1/images/0?version=False", "mediaType": "image/png"}


def test_what_doesnt_count_any_more_stands_in_a_step_before() -> None:
    found = encode(START, Text("wrong"), Restart("lost"), Text("right"), Done("completed"))
    assert steps(found) == ["wrong", "right"]
    assert {"type": "data-restart", "data": {"reason": "lost"}, "transient": True} in found


def test_an_answer_that_begins_with_a_restart_has_one_step() -> None:
    assert steps(encode(START, Restart("expired"), Text("saved"), Done("completed"))) == ["saved"]


def test_a_failure_ends_the_stream_and_comes_behind_the_metadata() -> None:
    ending = encoder()
    *_, details, metadata, _, error = chunks(ending.batch(1, [START, FAILED, METADATA, Done("failed")]))
    assert (details["type"], details["data"]["code"], details["data"]["retryAfter"]) == (
        "data-error",
        "rate_limited",
        7,
    )
    assert metadata["type"] == "message-metadata"
    assert error == {"type": "error", "errorText": FAILED.user_message}
    assert ending.tail() == b"data: [DONE]\n\n"


def test_who_comes_back_behind_a_failure_still_gets_it_at_the_end() -> None:
    assert chunks(encoder(START, FAILED, METADATA).batch(4, [Done("failed")]))[-1]["errorText"] == FAILED.user_message


@pytest.mark.parametrize(("language", "word"), [("ko", "문제"), ("en", "wrong")])
def test_a_failure_without_words_is_told_in_the_readers_language(language: Language, word: str) -> None:
    assert word in chunks(encoder(language=language).batch(1, [Done("failed")]))[-1]["errorText"]


@pytest.mark.parametrize(
    ("status", "reason", "end"),
    [
        ("completed", "stop", {"type": "finish", "finishReason": "stop"}),
        ("completed", "refusal", {"type": "finish", "finishReason": "other"}),
        ("incomplete", "length", {"type": "finish", "finishReason": "length"}),
        ("incomplete", "content_filter", {"type": "finish", "finishReason": "content-filter"}),
        ("cancelled", "cancelled", {"type": "abort", "reason": "cancelled"}),
    ],
)
def test_each_end_has_its_own_chunk(status: Status, reason: Any, end: dict[str, str]) -> None:
    assert encode(replace(METADATA, finish_reason=reason), Done(status))[-1] == end


@pytest.mark.parametrize(("status", "reason"), [("completed", "stop"), ("incomplete", "other")])
def test_an_end_without_metadata_has_a_reason_too(status: Status, reason: str) -> None:
    assert encode(Done(status))[-1] == {"type": "finish", "finishReason": reason}


@pytest.mark.parametrize(("kind", "name"), [("note", "data-note"), ("a b\n", "data-a-b-"), ("", "data-unknown")])
def test_a_later_releases_frame_is_a_part_of_our_own(kind: str, name: str) -> None:
    assert encode(UnknownFrame(kind, b'{"size":1}')) == [{"type": name, "data": {"size": 1}}]


def test_a_sign_of_life_is_a_comment() -> None:
    assert encoder().heartbeat().startswith(b": ")
    assert encoder().heartbeat().endswith(b"\n\n")


def test_an_answer_that_goes_on_elsewhere_is_cut_off() -> None:
    leaving = encoder(START)
    assert chunks(leaving.reconnect("draining", 700))[0]["data"] == {"reason": "draining", "backoffMs": 700}
    assert leaving.is_cut
